// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/ingest/streams.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

struct Site {
    TempDir root;
    Config config = Config::load(make_site(root.path));

    [[nodiscard]] ingest::Streams load(const std::string& streams) const
    {
        make_directories(config.streams.parent_path());
        store::write_file(config.streams, streams);
        return ingest::load_streams(config);
    }
};

/// Log lines while it lives.
struct Log {
    std::string text;
    Log()
    {
        log::set_sink([this](log::Level, const std::string& line) { text += line + "\n"; });
    }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    ~Log() { log::set_sink({}); }
};

store::ArrivalMark mark(const std::string& caller, const std::string& called)
{
    return {caller, called, "host", StudyUid{"1.2.3"}, {}};
}

} // namespace

TEST_CASE("a site without the file, or with none in it, has no streams")
{
    const Site site;
    CHECK(ingest::load_streams(site.config).all.empty());
    CHECK(site.load("{}").all.empty());
    CHECK(site.load(R"({"timeout": 16, "Streams": []})").all.empty());
    CHECK_THROWS_AS(site.load("{"), Error);
    CHECK_THROWS_AS(site.load(R"({"Streams": {}})"), Error);
    CHECK_THROWS_AS(site.load("[]"), Error);
}

TEST_CASE("all patterns of a trigger must match, at the start of the AE title")
{
    const Site site;
    const auto streams = site.load(R"({"Streams": [
        {"name": "both", "trigger": {"AETitleCalled": "TRIAL$", "AETitleCaller": "SCAN"}},
        {"name": "any"}]})");
    REQUIRE(streams.all.size() == 2);
    const auto& both = streams.all[0];

    CHECK(both.matches(mark("SCANNER1", "TRIAL")));
    CHECK_FALSE(both.matches(mark("SCANNER1", "TRIAL7")));
    CHECK_FALSE(both.matches(mark("SCANNER1", "A TRIAL")));
    CHECK_FALSE(both.matches(mark("MRSCAN", "TRIAL")));
    CHECK(streams.all[1].matches(mark("", "")));
    CHECK(streams.all[1].matches(mark("\xff\n", "TR\xe5")));
}

TEST_CASE("a stream with a mistake is disabled and named with the key, the others stay")
{
    const Site site;
    const auto [bad, key] = GENERATE(table<std::string, std::string>(
        {{R"({"name": "B", "trigger": {"AETitleCalled": "("}})", "trigger.AETitleCalled: "},
         {R"({"name": "B", "trigger": {"AETitleCaller": 7}})", "trigger.AETitleCaller: "},
         {R"({"name": "B", "trigger": []})", "trigger: "},
         {R"({"name": "B", "trigger-study": {}})", "trigger-study: "},
         {R"({"name": "B", "trigger-study": [7]})", "trigger-study[0]: "},
         {R"({"name": "B", "trigger-study": [{"cmd": []}]})", "trigger-study[0].cmd: "},
         {R"({"name": "B", "trigger-study": [{"cmd": "ls"}]})", "trigger-study[0].cmd: "},
         {R"({"name": "B", "trigger-study": [{"cmd": ["ls", "a\u0000b"]}]})",
          "trigger-study[0].cmd: "},
         {R"({"name": "B", "trigger-series": [{"cmd": ["ls"], "timeout": 0}]})",
          "trigger-series[0].timeout: "},
         {R"({"name": "B", "trigger-series": [{"cmd": ["ls"], "ignoreError": "yes"}]})",
          "trigger-series[0].ignoreError: "},
         {R"({"name": "B", "trigger-study": [{"type": "job"}]})", "trigger-study[0].image: "},
         {R"({"name": "B", "log": "here.log"})", "log: "},
         {R"({"name": "B", "destination": "X"})", "destination: "},
         {R"({"name": "GOOD"})", "name: another"},
         {R"({"name": ""})", "name: "},
         {R"({})", "name: is missing"},
         {R"("text")", "name: is missing"}}));
    CAPTURE(bad);
    const Log log;

    const auto streams = site.load(R"({"Streams": [{"name": "GOOD"}, )" + bad + "]}");

    REQUIRE(streams.all.size() == 1);
    CHECK(streams.all[0].name == "GOOD");
    CHECK_THAT(log.text, Contains("event=stream_disabled stream=\"Streams[1]") && Contains(key));
}

TEST_CASE("unknown keys and types do no harm")
{
    const Site site;
    const Log log;
    const auto streams = site.load(R"({"Streams": [{"name": "S", "more": 1,
        "trigger": {"CallerIP": "x"}, "trigger-study": [{"type": "send"}, {"cmd": ["ls"]}]}]})");

    REQUIRE(streams.all.size() == 1);
    const auto& actions = streams.all[0].study_actions;
    REQUIRE(actions.size() == 2);
    CHECK(actions[0].kind == ingest::Action::Kind::skipped);
    CHECK(actions[1].time_limit == std::chrono::seconds{600});
    CHECK(streams.all[0].log == site.config.paths.logs() / "Workflows_trigger_S.log");
    CHECK_THAT(log.text, Contains("stream_key_ignored") && Contains("stream_action_skipped"));
}

TEST_CASE("place-holders of a study and of a series")
{
    const Site site;
    const auto streams =
        site.load(R"({"Streams": [{"name": "@PATH@ x", "destination": [{"AETitle": "A\"B"}]}]})");
    const auto& stream = streams.all.at(0);
    const auto study = mark("A", "B");
    auto series = study;
    series.series.emplace("1.2.3.4");
    const auto raw = site.config.paths.raw().native();
    const auto of = [&](const std::string& text, const store::ArrivalMark& event) {
        return ingest::expanded(text, site.config, stream, event);
    };

    CHECK(of("/a/@StudyInstanceUID@@SeriesInstanceUID@", study) == "/a/scp_1.2.3");
    CHECK(of("/a/@StudyInstanceUID@@SeriesInstanceUID@", series) == "/a/1.2.3/1.2.3.4");
    CHECK(of("@StudyUID@ @SeriesUID@.", study) == "1.2.3 .");
    CHECK(of("@StudyUID@ @SeriesUID@.", series) == "1.2.3 1.2.3.4.");
    CHECK(of("@PATH@", study) == raw + "/1.2.3");
    CHECK(of("@PATH@", series) == raw + "/1.2.3/1.2.3.4");
    CHECK(of("@DESCRIPTION@", series) == raw + "/1.2.3/data.json");
    CHECK(of("@WorkflowsFolder@/x", study)
          == (site.config.paths.applications / "Workflows").native() + "/x");
    CHECK(of("@destination@", study) == R"([{\"AETitle\":\"A\\"B\"}])");
    // What is put in is not looked at again, and an ordinary @ stays.
    CHECK(of("@StreamName@", study) == "@PATH@ x");
    CHECK(of("me@host @@StudyUID@@ @nothing@ @", study) == "me@host @1.2.3@ @nothing@ @");
}
