// SPDX-License-Identifier: MIT
#include "tests/support/site.h"
#include "tests/support/trigger_bench.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>
#include <random>

using namespace fiona;
using Catch::Matchers::Contains;
using json::Array;
using json::Object;
namespace fs = std::filesystem;

namespace {

std::size_t mails_about(const std::vector<json::Value>& mails, const std::string& participant)
{
    return static_cast<std::size_t>(std::ranges::count_if(mails, [&](const json::Value& mail) {
        return mail.text("text").find(participant + " ") != std::string::npos;
    }));
}

} // namespace

TEST_CASE("fiona-cron: what arrived is mailed once, with a list, and a second run does nothing")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.site.put_arrival("DEMO_0000"); // before the link: old data
    bench.settle();
    bench.site.put_arrival("DEMO_0001");
    bench.site.put_arrival("GLIOMA_0002", "GLIOMA");

    const auto first = bench.site.run();
    const auto before = states(bench.site);
    const auto second = bench.site.run({"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("sent 1, waiting 0"));
    REQUIRE(bench.mails() == 1);
    const auto mail = bench.sink.mails().front();
    CHECK(mail.find("recipients")->array() == Array{"alice@example.org"});
    CHECK(mail.find("headers")->text("Subject") == "study_list (DEMO)");
    CHECK_THAT(mail.text("text"), Contains("1 study arrived for project DEMO since ")
                                      && Contains("\nDEMO_0001 Baseline MR ") && !Contains("0000")
                                      && !Contains("GLIOMA"));
    CHECK_THAT(mail.find("attachments")->array().at(0).text("content"),
               Contains("participant,event,study_instance_uid,transfer_date\r\n"
                        "DEMO_0001,Baseline,1.3.6.1.4.1.45037.1,"));
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "out").text("sent") == "0");
    CHECK(bench.mails() == 1);
    CHECK(states(bench.site) == before);
}

TEST_CASE("fiona-cron: a dry run says what would be sent, and changes nothing")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    bench.site.put_arrival("DEMO_0001");
    const auto before = states(bench.site);

    const auto dry = bench.site.run({"--dry-run"});

    CHECK(dry.exit_code == EX_OK);
    CHECK_THAT(dry.out, Contains("would send 1"));
    CHECK(states(bench.site) == before);
    CHECK(bench.mails() == 0);
}

TEST_CASE("fiona-cron: one bad link among good ones is told, and the others are done")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    auto other = TriggerSite::link("18");
    bench.site.put_links(Array{"no link", TriggerSite::link("3", "no such event"),
                               TriggerSite::link("17"), TriggerSite::link("17"), other});
    CHECK(bench.site.run().exit_code == EX_DATAERR);
    bench.site.put_arrival("DEMO_0001");

    const auto run = bench.site.run();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err,
               Contains("entry 1") && Contains("entry 4") && Contains("event=link_failed"));
    CHECK_THAT(run.out, Contains("sent 2"));
    CHECK(bench.mails() == 2);
    bench.site.put_links("no list");
    CHECK(bench.site.run().exit_code == EX_DATAERR);
}

TEST_CASE("fiona-cron: a wrong command line is exit 64, no users exit 78, an unknown link exit 66")
{
    const TriggerSite site{"smtp://127.0.0.1:1"};
    site.put_links(Array{TriggerSite::link("17")});

    CHECK(site.run({"--time-limit", "0"}).exit_code == EX_USAGE);
    CHECK(site.run({"everything"}).exit_code == EX_USAGE);
    CHECK(site.run({"--link", "18"}).exit_code == EX_NOINPUT);
    fs::remove(site.users());
    CHECK(site.run().exit_code == EX_CONFIG);
    fs::remove(site.code() / "links.json"); // a site that has none of it
    CHECK(site.run().exit_code == EX_OK);
}

TEST_CASE("fiona-cron: killed at any moment, no mail goes twice, and none is lost without a word")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    std::mt19937 chance{20260305}; // NOLINT(cert-msc51-cpp) the same moments each time
    std::uniform_int_distribution<int> milliseconds{0, 60};
    constexpr int rounds = 100;

    for (int round = 0; round < rounds; ++round) {
        bench.site.put_arrival(fmt::format("DEMO_{:04}", round));
        const auto moment =
            std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds(chance)};
        const auto before = bench.mails();
        run_tool_and_kill("fiona-cron", {"--config", bench.site.config()}, {}, [&] {
            return std::chrono::steady_clock::now() > moment
                   && (round % 2 == 0 || bench.mails() > before);
        });
    }
    for (int i = 0; i < 2; ++i) {
        CHECK(bench.site.run().exit_code == EX_OK);
    }

    const auto mails = bench.sink.mails();
    const auto remembered = states(bench.site).begin()->second;
    for (int round = 0; round < rounds; ++round) {
        const auto participant = fmt::format("DEMO_{:04}", round);
        CAPTURE(participant);
        const auto count = mails_about(mails, participant);
        CHECK(count <= 1);
        CHECK((count == 1 || remembered.find(participant) != std::string::npos));
    }
}

TEST_CASE("fiona-cron: a mail that died between server and note is set aside until --resend")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    bench.sink.behave("vanish");
    bench.site.put_arrival("DEMO_0001");
    CHECK_THAT(bench.site.run().out, Contains("set aside 1"));
    bench.sink.behave("accept");

    const auto next = bench.site.run();
    CHECK(next.exit_code == EX_OK);
    CHECK_THAT(next.err, Contains("event=mail_set_aside"));
    CHECK_THAT(next.out, Contains("in doubt"));
    CHECK(bench.mails() == 1);

    CHECK_THAT(bench.site.run({"--resend"}).out, Contains("sent 1"));
    REQUIRE(bench.mails() == 2);
    const auto id = [&](std::size_t i) {
        return bench.sink.mails().at(i).find("headers")->text("Message-ID");
    };
    CHECK(id(0) == id(1)); // one mail to the reader's program
    CHECK_THAT(bench.site.run().out, Contains("sent 0, waiting 0, set aside 0"));
}

TEST_CASE("fiona-cron: a server that wants it later gets it later, but not for ever")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    bench.sink.behave("busy");
    bench.site.put_arrival("DEMO_0001");

    CHECK(bench.site.run().exit_code == EX_TEMPFAIL);
    bench.sink.behave("accept");
    CHECK_THAT(bench.site.run().out, Contains("sent 1"));

    bench.sink.behave("busy");
    bench.site.put_arrival("DEMO_0002");
    for (int i = 0; i < 5; ++i) {
        CHECK(bench.site.run().exit_code == EX_TEMPFAIL);
    }
    CHECK_THAT(bench.site.run().out, Contains("set aside 1"));
    bench.sink.behave("accept");
    CHECK_THAT(bench.site.run({"--resend"}).out, Contains("sent 1"));
    CHECK(mails_about(bench.sink.mails(), "DEMO_0002") == 1);
}

TEST_CASE("fiona-cron: without a server the mail waits, however long, and goes when it is back")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    bench.site.set_mail_server(fmt::format("smtp://127.0.0.1:{}", free_port()));
    bench.site.put_arrival("DEMO_0001");
    for (int i = 0; i < 7; ++i) {
        CHECK(bench.site.run().exit_code == EX_UNAVAILABLE);
    }
    bench.site.set_mail_server(bench.sink.config().url);

    CHECK_THAT(bench.site.run().out, Contains("sent 1"));
    CHECK(bench.mails() == 1);
}

TEST_CASE("fiona-cron: who has left the project gets nothing, and nothing old after coming back")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.settle();
    bench.site.put_users({"OTHER"});
    bench.site.put_arrival("DEMO_0001");
    const auto away = bench.site.run();
    bench.site.put_users({"DEMO"});
    bench.settle();
    bench.site.put_arrival("DEMO_0002");

    CHECK_THAT(away.out, Contains("not a member") && Contains("sent 0"));
    CHECK_THAT(bench.site.run().out, Contains("sent 1"));
    CHECK(mails_about(bench.sink.mails(), "DEMO_0001") == 0);
    CHECK(mails_about(bench.sink.mails(), "DEMO_0002") == 1);
}

TEST_CASE(
    "fiona-cron: an old event fires with exit 1 and silence, a stack trace, a signal or a missing "
    "interpreter is an error")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    struct Case {
        const char* script;
        int exit_code;
        std::size_t mails;
    };
    const auto [script, exit_code, mails] =
        GENERATE(values<Case>({{fires, EX_OK, 1},
                               {"#!/bin/sh\nexit 0\n", EX_OK, 0},
                               {"#!/bin/sh\nexit 2\n", EX_OK, 0},
                               {"#!/bin/sh\necho Traceback >&2\nexit 1\n", EX_DATAERR, 0},
                               {"#!/bin/sh\nkill -9 $$\n", EX_DATAERR, 0},
                               {"#!/bin/sh\nno-such-program-at-all\n", EX_DATAERR, 0},
                               {"#!/no/such/interpreter\n", EX_UNAVAILABLE, 0},
                               {"#!/bin/sh\nexec sleep 30\n", EX_DATAERR, 0}}));
    CAPTURE(script);
    const TriggerBench bench;
    bench.site.put_program("events", "New data", script);
    bench.site.put_program("actions", "Tell me", writes_mail);
    bench.site.put_links(Array{TriggerSite::link("1", "New data", "Tell me")});

    const auto run = bench.site.run({"--time-limit", "1"});

    CHECK(run.exit_code == exit_code);
    CHECK(bench.mails() == mails);
}

TEST_CASE("fiona-cron: an event of version 2 keeps its state with us, and its key is mailed once")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const TriggerBench bench;
    bench.site.put_program("events", "Counter",
                           "#!/bin/sh\ncat > \"$(dirname \"$0\")/input\"\n"
                           "cat \"$ASTTT_STATE\" >> \"$(dirname \"$0\")/states\"\n"
                           "echo '{\"fire\":true,\"key\":\"k1\",\"state\":[7],"
                           "\"items\":[{\"participant\":\"DEMO_0009\",\"event\":\"=1+1\"}]}'\n",
                           {{"api", 2}});
    bench.site.put_links(Array{TriggerSite::link("1", "Counter")});

    CHECK_THAT(bench.site.run().out, Contains("sent 1"));
    CHECK_THAT(bench.site.run().out, Contains("sent 0"));

    const auto directory = bench.site.code() / "events/Counter";
    CHECK(json::parse(read_file(directory / "input"), "in").text("user") == "alice");
    CHECK(read_file(directory / "states") == "null[7]");
    REQUIRE(bench.mails() == 1);
    CHECK_THAT(bench.sink.mails().front().find("attachments")->array().at(0).text("content"),
               Contains("DEMO_0009,'=1+1,"));
    const auto* const broken =
        GENERATE("#!/bin/sh\necho '{\"fire\":true}'\n", "#!/bin/sh\necho no\n",
                 "#!/bin/sh\necho '{\"fire\":true,\"key\":\"k2\"}'; exit 3\n");
    bench.site.put_program("events", "Counter", broken, {{"api", 2}});
    CHECK(bench.site.run().exit_code == EX_DATAERR);
    CHECK(bench.mails() == 1);
}

TEST_CASE("fiona-cron: whatever a link holds is data to programs, headers and file names")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const std::string odd =
        "'\"; touch owned; $(touch owned) `touch owned`\r\nBcc: eve@example.org\n../../x";
    const TriggerBench bench;
    bench.site.put_users({odd});
    auto link = TriggerSite::link(odd, odd, odd);
    link["action_param"] = Array{odd};
    link["extra"] = odd;
    bench.site.put_program("events", "e",
                           "#!/bin/sh\nprintf %s \"$1\" > \"${0%/*}/argument\"\nexit 1\n",
                           {{"name", odd}});
    bench.site.put_program("actions", "a", writes_mail, {{"name", odd}});
    bench.site.put_links(Array{link});

    const auto run = bench.site.run();

    CHECK(run.exit_code == EX_OK);
    REQUIRE(bench.mails() == 1);
    const auto mail = bench.sink.mails().front();
    CHECK(mail.find("recipients")->array() == Array{"alice@example.org"});
    CHECK(mail.find("headers")->find("Bcc") == nullptr);
    CHECK(json::parse(read_file(bench.site.code() / "events/e/argument"), "argument")
          == json::Value{link});
    for (const auto& entry : fs::recursive_directory_iterator{bench.site.root()}) {
        CHECK(entry.path().filename() != "owned");
    }
    CHECK(states(bench.site).size() == 1);
}

TEST_CASE("fiona-cron: an action that fails, or leaves a link instead of a letter, mails nothing")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const auto [script, exit_code] = GENERATE(
        table<const char*, int>({{"#!/bin/sh\necho half > \"$2/email.txt\"\nexit 1\n", EX_DATAERR},
                                 {"#!/bin/sh\nln -s /etc/passwd \"$2/email.txt\"\n", EX_OK}}));
    const TriggerBench bench;
    bench.site.put_program("events", "New data", fires);
    bench.site.put_program("actions", "Tell me", script);
    bench.site.put_links(Array{TriggerSite::link("1", "New data", "Tell me")});

    CHECK(bench.site.run().exit_code == exit_code);
    CHECK(bench.mails() == 0);
    CHECK(fs::is_empty(bench.site.root() / "data/site/tmp"));
}
