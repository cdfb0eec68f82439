// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/spool.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using store::Spool;
namespace fs = std::filesystem;

namespace {

store::SpoolEntry entry(unsigned number = 1)
{
    return {TimePoint{1'700'000'000s + 123456us},
            "MY CT",
            "FIONA",
            "ct-1",
            "192.0.2.7",
            "/data/site/archive/scp_1.2.3",
            "MR.1.2.3.4." + std::to_string(number),
            StudyUid{"1.2.3"},
            SeriesUid{"1.2.3.4"},
            SopInstanceUid{"1.2.3.4." + std::to_string(number)},
            "1.2.840.10008.5.1.4.1.1.4",
            "1.2.840.10008.1.2.1",
            std::uint64_t{5} << 30U,
            "4711-1"};
}

} // namespace

TEST_CASE("an entry is read as it was added")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};

    spool.add(entry(7), Spool::Sync::yes);

    REQUIRE(spool.waiting().size() == 1);
    const auto read = spool.read(spool.waiting()[0]);
    CHECK(read.received == entry().received);
    CHECK(read.caller == "MY CT");
    CHECK(read.called == "FIONA");
    CHECK(read.host == "ct-1");
    CHECK(read.address == "192.0.2.7");
    CHECK(read.directory == "/data/site/archive/scp_1.2.3");
    CHECK(read.file == "MR.1.2.3.4.7");
    CHECK(read.study == StudyUid{"1.2.3"});
    CHECK(read.series == SeriesUid{"1.2.3.4"});
    CHECK(read.sop == SopInstanceUid{"1.2.3.4.7"});
    CHECK(read.sop_class == entry().sop_class);
    CHECK(read.transfer_syntax == entry().transfer_syntax);
    CHECK(read.bytes == entry().bytes);
    CHECK(read.association == "4711-1");
}

TEST_CASE("entries wait in the order of their arrival")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    for (unsigned i = 0; i < 20; ++i) {
        spool.add(entry(i), Spool::Sync::no);
    }

    const auto names = spool.waiting();

    REQUIRE(names.size() == 20);
    for (unsigned i = 0; i < 20; ++i) {
        CHECK(spool.read(names[i]).sop == entry(i).sop);
    }
    CHECK(spool.waiting(3) == std::vector<std::string>(names.begin(), names.begin() + 3));
    CHECK(spool.count_waiting() == 20);
    CHECK(spool.count_waiting(5) == 5);
    CHECK(spool.oldest().has_value());
    CHECK(*spool.oldest() <= Clock::now());
    CHECK(*spool.oldest() > Clock::now() - 1min);
}

TEST_CASE("an empty spool has no oldest entry")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};

    CHECK(spool.waiting().empty());
    CHECK(spool.count_waiting() == 0);
    CHECK_FALSE(spool.oldest().has_value());
}

TEST_CASE("removing an entry twice is as good as once")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    spool.add(entry(), Spool::Sync::no);
    const auto name = spool.waiting().at(0);

    spool.remove(name);
    spool.remove(name);

    CHECK(spool.waiting().empty());
    try {
        static_cast<void>(spool.read(name));
        FAIL("read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::missing);
    }
}

TEST_CASE("an entry that is given up lies beside its reason")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    spool.add(entry(), Spool::Sync::no);
    const auto name = spool.waiting().at(0);

    spool.give_up(name, "no \"study\"");
    spool.give_up(name, "no study"); // killed after the first rename, done again

    CHECK(spool.waiting().empty());
    CHECK(spool.count_failed() == 1);
    CHECK(fs::exists(directory.path / "spool/failed" / name));
    CHECK(read_file(directory.path / "spool/failed" / (name + ".err"))
          == "{\"reason\":\"no study\"}\n");
}

TEST_CASE("what is no entry is a fault of the data")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    const auto* const text =
        GENERATE("", "{", "[]", "{}", R"({"study":"../x","series":"1","sop":"1"})",
                 R"({"study":"1","series":"1","sop":"1","bytes":"x"})",
                 R"({"study":"1","series":"1","sop":"1","received_ns":1.5})",
                 R"({"study":"1","series":"1","sop":"1","bytes":-1})");
    CAPTURE(text);
    std::ofstream{directory / "spool/new/0000000000000000001.1.1.json"} << text;

    try {
        static_cast<void>(spool.read("0000000000000000001.1.1.json"));
        FAIL("read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
    }
}

TEST_CASE("hidden files are no entries")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    std::ofstream{directory / "spool/new/.hidden"} << "x";

    CHECK(spool.waiting().empty());
    CHECK(spool.count_waiting() == 0);
}

TEST_CASE("only what old dead writers left is swept")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    const auto now = Clock::now();
    const auto name_at = [](TimePoint when) {
        const auto nanoseconds = std::chrono::nanoseconds{when.time_since_epoch()}.count();
        return fmt::format("{:019}.1.1.json", nanoseconds);
    };
    std::ofstream{directory.path / "spool/tmp" / name_at(now - 2h)} << "x";
    std::ofstream{directory.path / "spool/tmp" / name_at(now - 30min)} << "x";

    CHECK(spool.sweep(now, 1h) == 1);
    CHECK(spool.sweep(now, 1h) == 0);
    CHECK(fs::exists(directory.path / "spool/tmp" / name_at(now - 30min)));
}

TEST_CASE("kill -9 at any moment leaves only whole entries in new/")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    for (int round = 0; round < 20; ++round) {
        ForkedChild writer{[&] {
            for (unsigned i = 0;; ++i) {
                spool.add(entry(i), Spool::Sync::no);
            }
        }};
        const auto before = spool.count_waiting();
        REQUIRE(eventually([&] { return spool.count_waiting() > before + 5; }));

        writer.kill();
    }

    for (const auto& name : spool.waiting()) {
        CHECK_NOTHROW(spool.read(name));
    }
    CHECK(spool.sweep(Clock::now() + 2h, 1h) <= 20);
    CHECK(fs::is_empty(directory / "spool/tmp"));
}

TEST_CASE("several writers never take the same name")
{
    const TempDir directory;
    const Spool spool{directory / "spool"};
    const auto add_hundred = [&] {
        for (unsigned i = 0; i < 100; ++i) {
            spool.add(entry(i), Spool::Sync::no);
        }
    };

    ForkedChild one{add_hundred};
    ForkedChild two{add_hundred};

    CHECK(one.wait() == 0);
    CHECK(two.wait() == 0);
    CHECK(spool.count_waiting() == 200);
}
