// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "tests/support/sending_site.h"
#include "tests/support/site.h"
#include "tests/unit/store_requests/sample.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A site with requests of three participants for one study, and a hand on the queue.
struct QueueSite {
    QueueSite() : paths{site.config().paths}, requests{paths}
    {
        for (const auto* const participant : {"DEMO_0001", "DEMO_0002", "DEMO_0003"}) {
            const auto request = sample_request(participant);
            requests.file(request);
            names.push_back(request.file_name());
        }
    }

    Outcome queue(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), "queue");
        return site.run("fiona-status", std::move(arguments));
    }
    [[nodiscard]] std::vector<std::string> listing() const
    {
        std::vector<std::string> paths_found;
        for (const auto& entry : fs::recursive_directory_iterator{site.root()}) {
            paths_found.push_back(entry.path().native());
        }
        std::ranges::sort(paths_found);
        return paths_found;
    }
    [[nodiscard]] std::string audit() const
    {
        return read_file_if_any(paths.logs() / "assign-audit.log").value_or("");
    }
    /// A verb and what has to be so before it makes a difference.
    void prepare(const std::string& verb, const std::string& name) const
    {
        if (verb == "release") {
            requests.hold(name, Mode::apply);
        } else if (verb == "retry") {
            const store::RequestWorker worker{requests};
            REQUIRE(worker.claim(name, TimePoint::max()));
            worker.postpone(name, "association refused", Clock::now());
        }
    }

    Site site;
    Paths paths;
    store::Requests requests;
    std::vector<std::string> names;
};

std::string a_verb()
{
    return GENERATE(as<std::string>{}, "hold", "release", "retry", "drop");
}

/// As REDCap has it now: what site.told() reads is a copy.
std::string asked_in(const SendingSite& site)
{
    const auto config = site.site.config();
    const auto client = redcap::connect(config.redcap, redcap::Role::incoming);
    const StudyUid study{TransferSite::study_uid(1)};
    return redcap::Incoming{*client, config.paths.state() / "locks"}
        .transfers({study})
        .at(0)
        .requested;
}

std::size_t lines_in(const std::string& text)
{
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

} // namespace

TEST_CASE("fiona-status queue: the list shows state, project and participant, and no study UID")
{
    const QueueSite site;
    site.requests.hold(site.names[0], Mode::apply);
    site.prepare("retry", site.names[1]);
    site.requests.drop(site.names[2], "dropped by an operator", Clock::now(), Mode::apply);
    const auto before = site.listing();

    const auto run = site.queue({"list"});
    const auto plain = site.queue({"list", "--plain", "--state", "held"});
    const auto document = json::parse(site.queue({"list", "--json"}).out, "list");

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("held") && Contains("postponed") && Contains("association refused")
                            && Contains("dropped") && Contains("DEMO_0002") && !Contains("1.2.3"));
    CHECK(lines_in(plain.out) == 1);
    CHECK_THAT(plain.out, Contains("\theld\t") && Contains(log::uid_tag("1.2.3")));
    CHECK(document.find("requests")->array().size() == 3);
    CHECK(lines_in(site.queue({"list", "--plain", "--for", "OTHER"}).out) == 0);
    CHECK(lines_in(site.queue({"list", "--plain", "--for", "PROJECT"}).out) == 3);
    CHECK(site.listing() == before);
}

TEST_CASE(
    "fiona-status queue: each command does its job on what it is named, and says so in the audit")
{
    const QueueSite site;
    const auto verb = a_verb();
    CAPTURE(verb);
    site.prepare(verb, site.names[0]);

    const auto run = site.queue({verb, site.names[0]});

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(site.audit(), Contains("command=queue-" + verb) && Contains("project=PROJECT")
                                 && !Contains("1.2.3") && !Contains("DEMO_0001"));
    CHECK_THAT(run.out + run.err, !Contains("1.2.3"));
    const bool waits = fs::exists(site.paths.requests() / site.names[0]);
    const bool is_held = fs::exists(site.paths.held() / site.names[0]);
    const bool is_aside = fs::exists(site.paths.failed() / (site.names[0] + "_fail.log"));
    CHECK(waits == (verb == "release" || verb == "retry"));
    CHECK(is_held == (verb == "hold"));
    CHECK(is_aside == (verb == "drop"));
    CHECK_FALSE(site.requests.state(site.names[0]));
}

TEST_CASE("fiona-status queue: a second run of each command is a no-op")
{
    const QueueSite site;
    const auto verb = a_verb();
    CAPTURE(verb);
    site.prepare(verb, site.names[0]);
    site.queue({verb, site.names[0]});
    const auto before = site.listing();
    const auto audit = site.audit();

    const auto run = site.queue({verb, site.names[0]});

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("unchanged"));
    CHECK(site.listing() == before);
    CHECK(site.audit() == audit);
}

TEST_CASE("fiona-status queue: a dry run of each command says what it would do and changes nothing")
{
    const QueueSite site;
    const auto verb = a_verb();
    CAPTURE(verb);
    site.prepare(verb, site.names[0]);
    const auto before = site.listing();

    const auto run = site.queue({verb, site.names[0], "--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would be"));
    CHECK(site.listing() == before);
}

TEST_CASE("fiona-status queue: one bad word or file among good ones stops none of them")
{
    const QueueSite site;
    const auto verb = a_verb();
    CAPTURE(verb);
    for (const auto& name : site.names) {
        site.prepare(verb, name);
    }
    const auto place = verb == "release" ? site.paths.held() : site.paths.requests();
    std::ofstream{place / site.names[1]} << "{no request";

    const auto run = site.queue(
        {verb, site.names[0], "1.9_1_0123456789abcdef.json", site.names[1], site.names[2]});

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code != EX_OK);
    CHECK(run.exit_code != EX_SOFTWARE);
    CHECK_THAT(run.out, Contains("refused"));
    CHECK_THAT(run.out + run.err, !Contains("1.9_1") && !Contains("no request{"));
    CHECK(lines_in(site.audit()) == 2);
}

TEST_CASE("fiona-status queue: what is being sent is neither held nor dropped")
{
    const QueueSite site;
    const store::RequestWorker worker{site.requests};
    REQUIRE(worker.claim(site.names[0], Clock::now()));

    for (const auto* const verb : {"hold", "drop"}) {
        CHECK(site.queue({verb, site.names[0]}).exit_code == EX_TEMPFAIL);
    }
    for (const auto* const verb : {"release", "retry"}) {
        const auto run = site.queue({verb, site.names[0]});
        CHECK(run.exit_code == EX_OK);
        CHECK_THAT(run.out, Contains("unchanged"));
    }
    CHECK(fs::exists(worker.directory() / site.names[0]));
    CHECK(site.audit().empty());
}

TEST_CASE("fiona-status queue: a bad command line is 64 and touches nothing")
{
    const QueueSite site;
    const auto before = site.listing();

    CHECK(site.queue({}).exit_code == EX_USAGE);
    CHECK(site.queue({"hold"}).exit_code == EX_USAGE);
    CHECK(site.queue({"drop", "--state", "failed"}).exit_code == EX_USAGE);
    CHECK(site.queue({"list", "--state", "gone"}).exit_code == EX_USAGE);
    CHECK(site.listing() == before);
}

TEST_CASE("fiona-status queue: killed half-way, each request is in one place and a second run ends "
          "the work")
{
    for (int round = 0; round < 6; ++round) {
        const QueueSite site;
        const auto verb = a_verb();
        for (const auto& name : site.names) {
            site.prepare(verb, name);
        }
        std::vector<std::string> arguments{"queue", verb, log::uid_tag("1.2.3"), "--config",
                                           site.site.config_file().native()};
        int looks = 0;
        run_tool_and_kill("fiona-status", arguments, {},
                          [&] { return !site.audit().empty() && ++looks > 2 * round; });

        const auto count = site.requests.waiting().size() + site.requests.held().size();
        std::size_t aside = 0;
        for (const auto& name : site.names) {
            aside += fs::exists(site.paths.failed() / (name + "_fail.log")) ? 1U : 0U;
        }
        CHECK(count + aside == site.names.size());
        const auto run = site.queue({verb, log::uid_tag("1.2.3")});
        CAPTURE(verb, run.out, run.err);
        CHECK(run.exit_code == EX_OK);
        CHECK_THAT(site.queue({verb, log::uid_tag("1.2.3")}).out,
                   !Contains("held\n") && Contains("unchanged"));
    }
}

TEST_CASE(
    "fiona-status queue: what failed is asked for again in REDCap, as fiona-resend-project does")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const SendingSite site{{{"port", 1}}};
    const auto name = site.add(1, 1);
    const store::Requests requests{site.studies->paths()};
    if (GENERATE(false, true)) {
        REQUIRE(requests.drop(name, "dropped by an operator", Clock::now(), Mode::apply)
                == store::Requests::Change::made);
    } else {
        const store::RequestWorker worker{requests};
        REQUIRE(worker.claim(name, Clock::now()));
        worker.finish_failed(name, json::Object{{"error", "a leak"}});
    }
    REQUIRE(site.site.run("fiona-create-transfer-requests", {}).exit_code == EX_OK);
    REQUIRE(requests.waiting().empty());
    const auto asked = asked_in(site);

    REQUIRE(site.site.run("fiona-status", {"queue", "retry", name, "-n"}).exit_code == EX_OK);
    CHECK(asked_in(site) == asked);
    const auto run = site.site.run("fiona-status", {"queue", "retry", name});
    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("asked again"));
    CHECK_THAT(site.site.run("fiona-status", {"queue", "retry", name}).out, Contains("unchanged"));
    CHECK(asked_in(site) > asked);
}

TEST_CASE("fiona-status queue: no other tool takes, files or clears away what is held")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const SendingSite site{{{"port", 1}}};
    const auto name = site.add(1, 1);
    REQUIRE(site.site.run("fiona-status", {"queue", "hold", name}).exit_code == EX_OK);

    CHECK(site.site.run("fiona-create-transfer-requests", {}).exit_code == EX_OK);
    CHECK(site.site.run("fiona-anonymize-send", {}).exit_code == EX_OK);

    const store::Requests requests{site.studies->paths()};
    CHECK(requests.held() == std::vector{name});
    CHECK(requests.waiting().empty());
    CHECK_THAT(site.site.run("fiona-status", {"why", TransferSite::study_uid(1)}).out,
               Contains("held by a person"));
    CHECK(site.site.run("fiona-status", {"queue", "release", "-"}).exit_code == EX_OK); // no words
    CHECK(site.site.run("fiona-status", {"queue", "release", name}).exit_code == EX_OK);
    CHECK(requests.waiting() == std::vector{name});
}
