// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/ingest/arrival.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/forked_child.h"
#include "tests/support/sorted_site.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

/// A site with sorted studies 1.2.1, 1.2.2, ... that arrived.
struct Site {
    TempDir root;
    Config config = Config::load(make_site(root.path));
    store::ArrivalMarks marks{config.paths.arrived()};
    store::IncomingList list{config.paths.incoming_list()};
    TimePoint later = Clock::now() + seconds{60};

    explicit Site(const std::string& streams)
    {
        make_directories(config.streams.parent_path());
        make_directories(config.paths.raw());
        put(streams);
        arrive(1);
    }
    void put(const std::string& streams) const
    {
        store::write_file(config.streams, "{\"Streams\": " + streams + "}");
    }
    void arrive(unsigned study) const
    {
        const auto uid = fmt::format("1.2.{}", study);
        sort_object(config.paths, uid, uid + ".1", uid + ".1.1");
        marks.touch({"SCANNER", "FIONA", "host", StudyUid{uid}, {}});
    }
    [[nodiscard]] ingest::Arrivals detect(std::chrono::seconds after = seconds{0}) const
    {
        ingest::ArrivalOptions options;
        options.between_looks = std::chrono::milliseconds{50};
        return ingest::detect_arrivals(config, later + after, options);
    }
    [[nodiscard]] std::string out() const { return read_file_if_any(root / "out").value_or(""); }
    [[nodiscard]] std::string log() const
    {
        return read_file_if_any(config.paths.logs() / "Workflows_trigger_S.log").value_or("");
    }
    /// An action that appends `text` to a file and then ends with `code`.
    [[nodiscard]] static std::string say(const std::string& directory, const std::string& text,
                                         int code = 0, const std::string& more = "")
    {
        return fmt::format(R"({{"cmd": ["sh", "-c", "echo {} >> {}/out; exit {}"]{}}})", text,
                           directory, code, more);
    }
    void put_actions(const std::vector<std::string>& actions) const
    {
        std::string joined;
        for (const auto& action : actions) {
            joined += (joined.empty() ? "" : ", ") + action;
        }
        put(R"([{"name": "S", "trigger-study": [)" + joined + "]}]");
    }
};

} // namespace

TEST_CASE("actions run in order, each with its line in the stream's log")
{
    const Site site{"[]"};
    site.put_actions({Site::say(site.root.path, "a"), Site::say(site.root.path, "b")});

    const auto found = site.detect();

    CHECK(found.actions == 2);
    CHECK(found.postponed == 0);
    CHECK(site.out() == "a\nb\n");
    CHECK(site.marks.claimed().empty());
    const auto log = site.log();
    const auto lines = split(trimmed(log), '\n');
    REQUIRE(lines.size() == 2);
    const auto line = json::parse(lines[1], "line");
    CHECK(line.text("action") == "1");
    CHECK(line.text("exit_code") == "0");
    CHECK(line.text("event") == "study");
    CHECK_THAT(log, !Contains("1.2.1"));
    CHECK(fs::is_empty(site.config.paths.arrived() / ".state"));
}

TEST_CASE("no argument meets a shell")
{
    const Site site{"[]"};
    site.put(R"([{"name": "S", "trigger-study":
        [{"cmd": ["printf", "%s", "$(id) `id` @StudyUID@; $HOME * \"'"]}]}])");

    CHECK(site.detect().actions == 1);

    CHECK(json::parse(site.log(), "line").text("stdout") == "$(id) `id` 1.2.1; $HOME * \"'");
}

TEST_CASE("the output of a program is kept to a limit")
{
    const Site site{"[]"};
    site.put(R"([{"name": "S", "trigger-study":
        [{"cmd": ["sh", "-c", "head -c 1000000 /dev/zero; printf '\\377' >&2"]}]}])");

    CHECK(site.detect().actions == 1);

    const auto line = json::parse(site.log(), "line");
    CHECK(line.text("stdout").size() == 16 * 1024);
    CHECK(line.text("stderr") == "\xef\xbf\xbd"); // not UTF-8: replaced
    CHECK(line.text("cut") == "true");
}

TEST_CASE("a failing action ends the list, is tried again five times, and then given up")
{
    const Site site{"[]"};
    site.put_actions({Site::say(site.root.path, "a"), Site::say(site.root.path, "b", 3),
                      Site::say(site.root.path, "c")});

    CHECK(site.detect().postponed == 1);
    CHECK(site.out() == "a\nb\n"); // the first is not repeated, the third not reached
    CHECK(site.list.lines().size() == 1);
    CHECK(site.detect(seconds{30}).postponed == 1); // not yet
    CHECK(site.out() == "a\nb\n");
    auto after = minutes{1} + seconds{5};
    for (const auto delay : {2, 4, 8, 16}) {
        CHECK(site.detect(after).postponed == 1);
        after += minutes{delay} + seconds{5};
    }
    CHECK(site.out() == "a\nb\nb\nb\nb\nb\n");
    const auto last = site.detect(after);
    CHECK(last.failed == 1);
    CHECK(last.postponed == 0);
    CHECK(site.marks.failed().size() == 1);
    CHECK(site.detect(after + minutes{60}).failed == 0);
    CHECK(site.out() == "a\nb\nb\nb\nb\nb\nb\n");
    CHECK(site.list.lines().size() == 1);

    SECTION("an operator lets it be tried again, from where it stood")
    {
        CHECK(ingest::retry_failed_arrivals(site.config, Mode::apply) == 1);
        fs::remove(site.root / "out");
        CHECK(site.detect(after + minutes{61}).postponed == 1);
        CHECK(site.out() == "b\n");
    }
    SECTION("mended, all of it is done, for the list was changed")
    {
        CHECK(ingest::retry_failed_arrivals(site.config, Mode::apply) == 1);
        fs::remove(site.root / "out");
        site.put_actions({Site::say(site.root.path, "a"), Site::say(site.root.path, "b")});
        CHECK(site.detect(after + minutes{61}).actions == 2);
        CHECK(site.out() == "a\nb\n");
        CHECK(site.marks.failed().empty());
    }
    SECTION("a later image of the study does it all again")
    {
        fs::remove(site.root / "out");
        site.arrive(1);
        CHECK(site.detect(after + minutes{61}).postponed == 1);
        CHECK(site.out() == "a\nb\n");
    }
}

TEST_CASE("an error that is to be ignored ends no list")
{
    const Site site{"[]"};
    site.put_actions({Site::say(site.root.path, "a", 1, R"(, "ignoreError": true)"),
                      R"({"cmd": ["/no/such/program"], "ignoreError": true})",
                      Site::say(site.root.path, "b")});

    CHECK(site.detect().actions == 1);
    CHECK(site.out() == "a\nb\n");
    CHECK(site.marks.claimed().empty());
}

TEST_CASE("a program that takes too long is ended with its helpers")
{
    const Site site{"[]"};
    site.put_actions({fmt::format(
        R"({{"cmd": ["sh", "-c", "sleep 600 & echo $! > {}/out; wait"], "timeout": 1}})",
        site.root.path.native())});

    CHECK(site.detect().postponed == 1);

    CHECK(json::parse(site.log(), "line").text("timed_out") == "true");
    CHECK(eventually([&] { return !start_ticks(std::stoi(site.out())); }));
}

TEST_CASE("a failing stream stops neither another stream nor another study")
{
    const Site site{"[]"};
    site.arrive(2);
    site.put(R"([{"name": "BAD", "trigger-study": [{"cmd": ["false"]}]},
                 {"name": "S", "trigger-study": [)"
             + Site::say(site.root.path, "@StudyUID@") + "]}]");

    const auto found = site.detect();

    CHECK(found.studies == 2);
    CHECK(found.actions == 2);
    CHECK(found.postponed == 2);
    CHECK_THAT(site.out(), Contains("1.2.1\n") && Contains("1.2.2\n"));
    CHECK(site.detect(minutes{2}).actions == 0); // what is done stays done
}

TEST_CASE("several studies have programs at once, one study only one")
{
    const Site site{"[]"};
    site.arrive(2);
    site.marks.touch({"OTHER", "FIONA", "host", StudyUid{"1.2.1"}, {}}); // two marks of one study
    // Each says when it begins and ends; the first of a study waits for the other study's.
    const auto action = fmt::format(
        R"({{"cmd": ["sh", "-c", "mkdir {0}/@StudyUID@ || exit 9; touch {0}/s@StudyUID@; while [ ! -e {0}/s1.2.1 ] || [ ! -e {0}/s1.2.2 ]; do sleep 0.01; done; rmdir {0}/@StudyUID@"], "timeout": 20}})",
        site.root.path.native());
    site.put_actions({action});

    const auto found = site.detect();

    CHECK(found.actions == 3);
    CHECK(found.postponed == 0);
}

TEST_CASE("a study that arrives while its actions run is done again afterwards")
{
    const Site site{"[]"};
    site.arrive(1);
    const auto touch =
        site.marks.directory()
        / store::ArrivalMark{"SCANNER", "FIONA", "host", StudyUid{"1.2.1"}, {}}.file_name();
    // The action itself makes the study arrive again, once, some time ago.
    site.put_actions({fmt::format(
        R"({{"cmd": ["sh", "-c", "echo x >> {0}/out; [ -e {0}/again ] || {{ touch {0}/again; touch -d '10 seconds ago' '{1}'; sleep 0.3; }}"]}})",
        site.root.path.native(), touch.native())});

    // The second arrival is seen by the next run, or by a late look of this one.
    CHECK(site.detect().studies + site.detect().studies == 2);
    CHECK(site.marks.all().empty());
    CHECK(site.out() == "x\nx\n");
    CHECK(site.list.lines().size() == 1);
}

TEST_CASE("a file of streams that cannot be read keeps no study off the list, and loses no event")
{
    const Site site{"[]"};
    store::write_file(site.config.streams, "{");

    CHECK(site.detect().postponed == 1);
    CHECK(site.list.lines().size() == 1);
    site.put_actions({Site::say(site.root.path, "a")});
    CHECK(site.detect(seconds{10}).actions == 1);
    CHECK(site.out() == "a\n");
}

TEST_CASE(
    "a stream that is disabled half-way goes on when it is mended, one that is gone is forgotten")
{
    const Site site{"[]"};
    site.put_actions({Site::say(site.root.path, "a"), Site::say(site.root.path, "b", 1)});
    CHECK(site.detect().postponed == 1);

    SECTION("disabled")
    {
        site.put(R"([{"name": "S", "trigger": {"AETitleCalled": "("}}])");
        CHECK(site.detect(minutes{2}).postponed == 1);
        site.put_actions({Site::say(site.root.path, "c")});
        CHECK(site.detect(minutes{3}).actions == 1);
        CHECK(site.out() == "a\nb\nc\n");
    }
    SECTION("gone")
    {
        site.put("[]");
        CHECK(site.detect(minutes{2}).postponed == 0);
        CHECK(site.out() == "a\nb\n");
    }
    CHECK(site.marks.claimed().empty());
}

TEST_CASE("a stream that is disabled when a study arrives gets it when it is mended")
{
    const Site site{R"([{"name": "S", "trigger": {"AETitleCalled": "FIO"},
                         "trigger-study": [{"cmd": "no list"}]}])"};
    const auto mended = [&](const std::string& called) {
        site.put(R"([{"name": "S", "trigger": {"AETitleCalled": ")" + called
                 + R"("}, "trigger-study": [)" + Site::say(site.root.path, "a") + "]}]");
    };

    CHECK(site.detect().postponed == 1);
    CHECK(site.list.lines().size() == 1);
    SECTION("it runs")
    {
        mended("FIONA");
        CHECK(site.detect(seconds{10}).actions == 1);
        CHECK(site.out() == "a\n");
    }
    SECTION("it turns out to be for others")
    {
        mended("TRIAL");
        CHECK(site.detect(seconds{10}).actions == 0);
        CHECK(site.out().empty());
    }
    SECTION("it goes away")
    {
        site.put("[]");
        CHECK(site.detect(seconds{10}).actions == 0);
    }
    CHECK(site.marks.claimed().empty());
    CHECK(site.marks.failed().empty());
}

TEST_CASE("a disabled stream whose patterns do not match holds nothing up")
{
    const Site site{R"([{"name": "S", "trigger": {"AETitleCalled": "TRIAL"},
                         "trigger-study": [{"cmd": "no list"}]}])"};

    CHECK(site.detect().postponed == 0);
    CHECK(site.marks.claimed().empty());
}

TEST_CASE("a second stream of the same name does not keep the first one from its work")
{
    const Site site{"[]"};
    const auto one = R"({"name": "S", "trigger-study": [)" + Site::say(site.root.path, "a") + "]}";
    site.put("[" + one + ", " + one + "]");

    CHECK(site.detect().actions == 1);
    CHECK(site.out() == "a\n");
    CHECK(site.marks.claimed().empty());
}

TEST_CASE("an action of the type job puts one line into the list of jobs")
{
    const Site site{"[]"};
    store::write_file(site.config.streams.parent_path() / "select_statements.json",
                      R"({"S": {"select": "SELECT study", "docker_image": "demo:1",
                                "ROR_CONT_OPTIONS": "{}"}})");
    site.put(R"([{"name": "S", "destination": [{"AETitle": "X"}], "trigger-study": [
        {"type": "job", "project": "DEMO", "ror_folder": "/tmp/site/proc/@StudyInstanceUID@"}]}])");

    CHECK(site.detect().actions == 1);

    const auto line = json::parse(read_file(site.config.paths.job_list()), "line");
    CHECK(line.text("image") == "demo:1");
    CHECK(line.text("select") == "SELECT study");
    CHECK(line.text("project") == "DEMO");
    CHECK(line.text("user") == "processing");
    CHECK(line.text("ror_folder") == "/tmp/site/proc/scp_1.2.1");
    REQUIRE(line.find("series") != nullptr);
    CHECK(line.find("series")->array().at(0).text() == "1.2.1.1");
}
