// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/slide_identity.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fiona;
using namespace fiona::wsi;

namespace {

struct Bench {
    TempDir root{};
    Config config;

    explicit Bench(const std::string& projects = "{}")
    {
        store::write_file(root / "config.json",
                          json::write(json::Object{{"ROOT", root.path.native()}}));
        config = Config::load(root / "config.json");
        make_directories(config.paths.config());
        store::write_file(config.deidentify.projects, projects, 0600);
    }

    [[nodiscard]] SlideIdentity of(const json::Object& more = {},
                                   const std::string& image = "digest") const
    {
        json::Object values{{"file", "uploads/x.svs"},
                            {"project_name", "DEMO"},
                            {"record_id", "DEMO_0001"},
                            {"redcap_event_name", "baseline"},
                            {"patho_slide_id", "0003"}};
        for (const auto& [key, value] : more) {
            values[key] = value;
        }
        return {config, parse_upload(json::write(values)), image};
    }
};

std::set<std::string> all(const SlideUids& uids)
{
    return {uids.study,   uids.series,   uids.frame_of_reference, uids.dimension_organization,
            uids.pyramid, uids.specimen, uids.instance(0),        uids.instance(1)};
}

} // namespace

TEST_CASE("a slide has the same UIDs at every try, and others than every other slide")
{
    const Bench bench;

    const auto uids = all(bench.of().uids());

    CHECK(uids.size() == 8);
    for (const auto& uid : uids) {
        CHECK(is_uid(uid));
    }
    CHECK(all(bench.of({{"patho_stain", "another"}}, "another digest").uids()) == uids);
    for (const auto* const key : {"project_name", "redcap_event_name", "patho_slide_id"}) {
        auto others = all(bench.of({{key, "other"}}).uids());
        others.merge(all(bench.of().uids()));
        CHECK(others.size() == 16);
    }
}

TEST_CASE("a slide without an id is told by its image")
{
    const Bench bench;
    const json::Object none{{"patho_slide_id", ""}};

    CHECK(bench.of(none, "one").uids().series == bench.of(none, "one").uids().series);
    CHECK(bench.of(none, "one").uids().series != bench.of(none, "two").uids().series);
    CHECK(bench.of(none, "one").uids().series
          != bench.of({{"patho_slide_id", "one"}}).uids().series);
}

TEST_CASE("a value with a backslash makes one UID, not several")
{
    CHECK(is_uid(Bench{}.of({{"patho_slide_id", "a\\b\\c"}}).uids().series));
}

TEST_CASE("a scan date is moved in the form that it has")
{
    const Bench bench{R"({"DEMO": {"date_shift": {"mode": "fixed", "days": -10}}})"};
    const auto identity = bench.of();
    const auto moved = [&](const std::string& date) {
        return identity.moved(Private<std::string>{date});
    };

    CHECK(moved("03/14/22") == "03/04/22");
    CHECK(moved("01/05/2022") == "12/26/2021");
    CHECK(moved("2022:03:14 09:41:07") == "2022:03:04");
    CHECK(moved("2022/03/14") == "2022/03/04");
    CHECK(moved("14.03.22").empty());
    CHECK(moved("13/45/22").empty());
    CHECK(moved("yesterday").empty());
    CHECK(moved("").empty());
    CHECK(identity.date_time(Private<std::string>{"03/14/22"}, {}) == "20220304000000");
    CHECK(identity.date_time(Private<std::string>{""}, Clock::now()).size() == 14);
}

TEST_CASE("a scanner's number is a pseudonym by the project's key, whatever its UID scheme")
{
    const Bench one;
    const Bench other{R"({"DEMO": {"uid_scheme": "compat-dec"}})"};
    const Private<std::string> scanner{"SS9981"};

    const auto name = one.of().device(scanner);

    CHECK(name.size() == 16);
    CHECK(name == one.of({{"patho_slide_id", "x"}}).device(scanner));
    CHECK(name != other.of().device(scanner));
    CHECK(other.of().device(scanner).size() == 16);
    CHECK(one.of().device(Private<std::string>{""}).empty());
    CHECK(other.of().uids().series.starts_with("1.3.6.1.4.1.45037."));
}
