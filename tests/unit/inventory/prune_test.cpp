// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/inventory/prune.h"
#include "tests/support/scripted_finder.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/inventory/ids7.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fstream>
#include <set>

using namespace fiona;
using pacs::Keys;
using std::chrono::hours;

namespace {

const TimePoint start = TimePoint{} + hours{500'000};

/// A PACS and a table; the PACS may lose studies.
struct World {
    explicit World(int studies)
    {
        for (int i = 0; i < studies; ++i) {
            const auto uid = fmt::format("2.25.{}", i);
            redcap.put({uid, "", "", 0, {{"ids7_patient_id", "DEMO"}}});
            held.insert(uid);
        }
    }

    ScriptedFinder::Answer answer(const Keys& keys)
    {
        std::vector<Keys> studies;
        for (const auto& uid : held) {
            studies.push_back({{"StudyInstanceUID", uid}});
        }
        auto reply = archive_of(studies)("STUDY", keys);
        if (status != 0) {
            reply = {{}, status, false};
        }
        return reply;
    }

    inventory::PruneReport prune(TimePoint now, inventory::PruneOrder order)
    {
        order.memory = memory();
        order.now = now;
        const ScriptedFinder finder{
            [&](const auto& /*level*/, const auto& keys) { return answer(keys); }};
        pacs::QuerySession session{finder.peer()};
        return inventory::prune(redcap, session, settings, order);
    }
    [[nodiscard]] std::size_t rows() { return redcap.export_records({}).size(); }
    [[nodiscard]] std::filesystem::path memory() const { return root / "not-in-ids7.tsv"; }

    TempDir root;
    MemoryRedcap redcap = ids7_redcap();
    std::set<std::string> held;
    std::uint16_t status = 0;
    inventory::Settings settings{};
};

const inventory::PruneOrder force{Mode::apply, std::nullopt};

} // namespace

TEST_CASE("a study that is gone is deleted by the second run, twelve hours later")
{
    World world{60};
    world.held.erase("2.25.7");

    CHECK(world.prune(start, force).waiting == 1);
    CHECK(world.prune(start + hours{11}, force).waiting == 1);
    CHECK(world.rows() == 60);
    const auto report = world.prune(start + hours{12}, force);

    CHECK(report.deleted == std::vector<std::string>{"2.25.7"});
    CHECK(world.rows() == 59);
    CHECK(world.prune(start + hours{13}, force).deleted.empty());
}

TEST_CASE("a study that comes back starts from the beginning")
{
    World world{60};
    world.held.erase("2.25.7");
    static_cast<void>(world.prune(start, force));
    world.held.insert("2.25.7");
    static_cast<void>(world.prune(start + hours{6}, force));
    world.held.erase("2.25.7");

    CHECK(world.prune(start + hours{13}, force).waiting == 1);
    CHECK(world.rows() == 60);
}

TEST_CASE("an answer that is no success deletes nothing, and what is remembered stays")
{
    World world{60};
    world.held.erase("2.25.7");
    static_cast<void>(world.prune(start, force));
    world.status = GENERATE(std::uint16_t{0xa700}, std::uint16_t{0xc001}, std::uint16_t{0xfe00});

    const auto report = world.prune(start + hours{13}, force);

    CHECK(report.unknown == 60);
    CHECK(report.deleted.empty());
    CHECK(world.rows() == 60);
    world.status = 0;
    CHECK(world.prune(start + hours{14}, force).deleted.size() == 1);
}

TEST_CASE("a PACS that cannot answer lists is asked for each study alone")
{
    World world{60};
    world.held.erase("2.25.7");
    const ScriptedFinder finder{[&](const auto& /*level*/, const auto& keys) {
        return keys.at("StudyInstanceUID").find('\\') == std::string::npos
                   ? world.answer(keys)
                   : ScriptedFinder::Answer{};
    }};
    pacs::QuerySession session{finder.peer()};

    const auto report = inventory::prune(world.redcap, session, world.settings,
                                         {Mode::apply, std::nullopt, world.memory(), start});

    CHECK(report.present == 59);
    CHECK(report.waiting == 1);
}

TEST_CASE("more than the limits is never deleted without being allowed")
{
    World world{300};
    for (int i = 0; i < 16; ++i) {
        world.held.erase(fmt::format("2.25.{}", i));
    }
    static_cast<void>(world.prune(start, force));

    CHECK_THROWS_AS(world.prune(start + hours{13}, force), Error); // 5 % are 15
    CHECK(world.rows() == 300);
    CHECK_THROWS_AS(world.prune(start + hours{13}, {Mode::dry_run, std::nullopt}), Error);

    CHECK(world.prune(start + hours{14}, {Mode::apply, 16}).deleted.size() == 16);
    CHECK(world.rows() == 284);
}

TEST_CASE("an empty PACS empties no table")
{
    World world{300};
    world.held.clear();
    static_cast<void>(world.prune(start, force));

    CHECK_THROWS_AS(world.prune(start + hours{24}, force), Error);
    CHECK(world.rows() == 300);
}

TEST_CASE("a dry run deletes and remembers nothing")
{
    World world{60};
    world.held.erase("2.25.7");

    CHECK(world.prune(start, {}).waiting == 1);
    CHECK_FALSE(std::filesystem::exists(world.memory()));
    static_cast<void>(world.prune(start, force));
    CHECK(world.prune(start + hours{13}, {}).deleted.size() == 1);
    CHECK(world.rows() == 60);
}

TEST_CASE("a record that is no study is left alone")
{
    World world{3};
    world.redcap.put({"note", "", "", 0, {{"ids7_patient_id", "DEMO"}}});

    const auto report = world.prune(start, force);

    CHECK(report.refused == 1);
    CHECK(report.present == 3);
}

TEST_CASE("a damaged memory stops the run")
{
    World world{3};
    const auto* const text = GENERATE("nonsense\n", "2.25.1\tx\n", "../x\t5\n");
    std::ofstream{world.memory()} << text;

    CHECK_THROWS_AS(world.prune(start, force), Error);
}
