// SPDX-License-Identifier: MIT
#include "tests/support/trigger_bench.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Matchers::Contains;
using json::Array;
namespace fs = std::filesystem;

namespace {

/// Says once that something happened, as a program of the old protocol: its state is its own.
constexpr const char* fires_once = "#!/bin/sh\n"
                                   "test -e \"${0%/*}/told\" && exit 0\n"
                                   "touch \"${0%/*}/told\"\nexit 1\n";
constexpr const char* always_fails = "#!/bin/sh\nexit 3\n";

void put_fragile_link(const TriggerBench& bench, const char* event)
{
    bench.site.put_program("events", "New data", event);
    bench.site.put_program("actions", "Tell me", always_fails);
    bench.site.put_links(Array{TriggerSite::link("1", "New data", "Tell me")});
}

} // namespace

TEST_CASE(
    "fiona-cron: what an old event says once is mailed once, though its action failed at first")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    put_fragile_link(bench, fires_once);

    for (int i = 0; i < 2; ++i) {
        const auto failed = bench.site.run();
        CHECK(failed.exit_code == EX_DATAERR);
        CHECK_THAT(failed.out, Contains("failed") && Contains("waiting 1"));
    }
    bench.site.put_program("actions", "Tell me", writes_mail);
    const auto before = states(bench.site);
    CHECK_THAT(bench.site.run({"--dry-run"}).out, Contains("would send 1"));
    CHECK(states(bench.site) == before);

    CHECK_THAT(bench.site.run().out, Contains("sent 1, waiting 0, set aside 0, failed 0"));
    CHECK_THAT(bench.site.run().out, Contains("sent 0, waiting 0"));
    CHECK(bench.mails() == 1);
}

TEST_CASE("fiona-cron: an action that fails again and again is left alone until --resend")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    put_fragile_link(bench, fires_once);
    for (int i = 0; i < 5; ++i) {
        CHECK(bench.site.run().exit_code == EX_DATAERR);
    }
    bench.site.put_program("actions", "Tell me", writes_mail);

    const auto left = bench.site.run();

    CHECK(left.exit_code == EX_OK);
    CHECK_THAT(left.out, Contains("sent 0, waiting 0, set aside 1"));
    CHECK_THAT(left.err, Contains("event=mail_set_aside"));
    CHECK_THAT(bench.site.run({"--resend"}).out, Contains("sent 1, waiting 0, set aside 0"));
    CHECK(bench.mails() == 1);
}

TEST_CASE(
    "fiona-cron: an old event that fires at every run is told of once when its action is back")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    put_fragile_link(bench, fires);
    for (int i = 0; i < 7; ++i) {
        CHECK_THAT(bench.site.run().out, Contains("waiting 1, set aside 0"));
    }
    put_fragile_link(bench, "#!/bin/sh\nexit 0\n");
    bench.site.put_program("actions", "Tell me", writes_mail);

    CHECK_THAT(bench.site.run().out, Contains("sent 1, waiting 0, set aside 0"));
    CHECK(bench.mails() == 1);
}

TEST_CASE("fiona-cron: an action that fails holds up neither another one nor later news")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.site.put_program("actions", "a", always_fails, {{"name", "Tell me"}});
    bench.site.put_program("actions", "b", "#!/bin/sh\necho news > \"$2/email.txt\"\n",
                           {{"name", "Tell me"}});
    bench.site.put_links(Array{TriggerSite::link("1", "data_arrived", "Tell me")});
    bench.settle();

    for (const auto* const participant : {"DEMO_0001", "DEMO_0002"}) {
        bench.site.put_arrival(participant);
        CHECK(bench.site.run().exit_code == EX_DATAERR);
    }
    CHECK(bench.mails() == 2);
    bench.site.put_program("actions", "a", writes_mail, {{"name", "Tell me"}});

    CHECK_THAT(bench.site.run().out, Contains("sent 2, waiting 0, set aside 0"));
    CHECK(bench.mails() == 4);
}

TEST_CASE("fiona-cron: killed while an action works, it asks the action again")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    put_fragile_link(bench, fires_once);
    const auto at_work = bench.site.root() / "at-work";
    bench.site.put_program("actions", "Tell me",
                           fmt::format("#!/bin/sh\ntouch '{}'\nexec sleep 20\n", at_work.native()));
    run_tool_and_kill("fiona-cron", {"--config", bench.site.config()}, {},
                      [&] { return fs::exists(at_work); });
    bench.site.put_program("actions", "Tell me", writes_mail);

    CHECK_THAT(bench.site.run().out, Contains("sent 1, waiting 0"));
    CHECK(bench.mails() == 1);
}

TEST_CASE("fiona-cron: a state that knows of no due letters is read as one without")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    const auto file = fs::directory_iterator
    {
        bench.site.state()
        } -> path();
    auto state = json::parse(read_file(file), "state");
    state.object().erase("due");
    store::write_file(file, json::write(state));
    bench.site.put_arrival("DEMO_0001");

    CHECK_THAT(bench.site.run().out, Contains("sent 1"));
}
