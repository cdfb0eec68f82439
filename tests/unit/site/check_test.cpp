// SPDX-License-Identifier: MIT
#include "libfiona/site/check.h"
#include "libfiona/site/default_config.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

using namespace fiona;
using Grade = site::Finding::Grade;
namespace fs = std::filesystem;

namespace {

/// A good demo site without its daemons, and probes that answer.
class Site {
public:
    Site()
    {
        const auto paths = site::paths_below(m_root.path);
        for (const auto& directory : site::directories(paths)) {
            fs::create_directories(directory.path);
            fs::permissions(directory.path, static_cast<fs::perms>(directory.mode));
        }
        const auto write = [&](const char* name, std::string_view text, mode_t mode) {
            store::write_file(paths.config() / name, text, mode);
        };
        write("config.json",
              json::write(site::demo_config(
                  m_root.path, {.receiver = 11112, .redcap = 8080, .research_pacs = 11113})),
              0640);
        write("classifyRules.json", "[]", 0640);
        write("profile.csv", "tag,keyword,vr,basic,options,action\n", 0640);
        write("safe-private.csv", "creator,group,element\n", 0640);
        write("projects.json", "{}", 0640);
        write("redcap.tokens", "incoming = x\n", 0600);
    }

    [[nodiscard]] Config config() const { return Config::load(m_root / "data/config/config.json"); }

    site::Probes probes{
        .echo = [](const pacs::Peer&) {},
        .connect = [](const RedcapConfig&, redcap::Role role) -> std::unique_ptr<redcap::Client> {
            return make_project(role);
        },
        .greet_mail_server = [](const SmtpConfig&) {},
        .greet_file_server = [](const SftpConfig&) {}};

    static std::unique_ptr<LooseRedcap> make_project(redcap::Role role);

private:
    TempDir m_root;
};

/// All fields of the road in one dictionary: a project may have more than needed.
std::unique_ptr<LooseRedcap> Site::make_project(redcap::Role /*role*/)
{
    auto project = std::make_unique<LooseRedcap>("record_id");
    std::istringstream names{
        "study_instance_uid study_institution_name study_aetitle_sender study_aetitle_addressed "
        "study_patient_name study_patient_id study_description study_date study_time "
        "study_accession_number study_arrival_date series_instance_uid series_description "
        "series_date series_time series_num_files series_sequence_name series_classify_types "
        "transfer_requested_date transfer_project_name transfer_name transfer_event_name "
        "transfer_date transfer_error transfer_mapped_uid transfer_error_message "
        "transfer_active_proc_time record_id project_name project_patient_naming project_token "
        "project_active project_features autoid_project_name autoid_hash autoid_value "
        "ids7_patient_id"};
    for (std::string name; names >> name;) {
        project->fields.push_back({name, "form", "text", "", ""});
    }
    return project;
}

std::size_t count(const std::vector<site::Finding>& findings, Grade grade)
{
    return static_cast<std::size_t>(std::ranges::count(findings, grade, &site::Finding::grade));
}

const site::Finding* failure(const std::vector<site::Finding>& findings)
{
    const auto found = std::ranges::find(findings, Grade::fail, &site::Finding::grade);
    return found == findings.end() ? nullptr : &*found;
}

} // namespace

TEST_CASE("a good site has no failure, and says which daemons do not run")
{
    const Site site;
    fs::create_directories(site.config().paths.keys() / "mapping"
                           / "DEMO"); // after the first transfer

    const auto findings = site::check_site(site.config(), site.probes);

    const auto* const failed = failure(findings);
    CAPTURE(failed == nullptr ? "" : failed->what);
    CHECK(failed == nullptr);
    CHECK(!site::first_failure(findings));
    CHECK(count(findings, Grade::ok) > 10);
    CHECK(std::ranges::any_of(findings, [](const auto& finding) {
        return finding.grade == Grade::warn && finding.what == "fiona-storescp does not run";
    }));
}

TEST_CASE("each broken part is one failure with a remedy, and the rest is still checked")
{
    Site site;
    const auto paths = site.config().paths;
    std::string what;
    auto fault = Fault::config;

    SECTION("a missing directory")
    {
        fs::remove(paths.rejected());
        what = ".rejected is missing";
        fault = Fault::missing;
    }
    SECTION("keys that others may read")
    {
        fs::permissions(paths.keys(), fs::perms::owner_all | fs::perms::group_read);
        what = "open to others";
    }
    SECTION("tokens that others may read")
    {
        fs::permissions(site.config().redcap.tokens_file, fs::perms{0640});
        what = "redcap.tokens";
    }
    SECTION("rules that are no JSON")
    {
        store::write_file(site.config().classify_rules, "{");
        what = "classifyRules.json: line 1, column 2";
    }
    SECTION("a rule for an attribute that is none")
    {
        store::write_file(site.config().classify_rules,
                          "[\n {\"type\": \"A\",\n  \"rules\": [{\"tag\": [\"Modalty\"], "
                          "\"value\": \"MR\"}]}\n]\n");
        what = "line 3, column 21: object 1: rules[0].tag: Modalty";
    }
    SECTION("an empty profile")
    {
        store::write_file(site.config().deidentify.profile, "");
        what = "profile.csv";
    }
    SECTION("a profile that says two things of one attribute")
    {
        store::write_file(site.config().deidentify.profile,
                          "tag,keyword,vr,basic,options,action\n00080060,Modality,CS,,,K\n"
                          "00080060,Modality,CS,,,X\n");
        what = "profile.csv:3:1: ";
    }
    SECTION("an action in the profile that is none")
    {
        store::write_file(site.config().deidentify.profile,
                          "tag,keyword,vr,basic,options,action\n00080060,Modality,CS,,,KEPE\n");
        what = "profile.csv:2:24: ";
    }
    SECTION("a list of private elements with a group that is none")
    {
        store::write_file(site.config().deidentify.safe_private,
                          "creator,group,element\nACME,0028,10\n");
        what = "safe-private.csv:2:6: ";
    }
    SECTION("a project whose settings no tool would take")
    {
        store::write_file(site.config().deidentify.projects, R"({"DEMO": {"uid_scheme": "hmca"}})");
        what = "project DEMO";
    }
    SECTION("boxes of a device that are none")
    {
        store::write_file(paths.config() / "pixel-regions.json",
                          R"([{"match": {}, "boxes": [[0, 0]]}])");
        what = "pixel-regions.json";
    }
    SECTION("groups that are no list of projects")
    {
        store::write_file(paths.config() / "assign-groups.json", R"({"radiology": "DEMO"})");
        what = "assign-groups.json";
    }
    SECTION("a key of AutoID that is cut")
    {
        store::write_file(paths.config() / "autoid.key", "0123456789abcdef\n", 0600);
        what = "autoid.key";
    }

    const auto findings = site::check_site(site.config(), site.probes);

    REQUIRE(count(findings, Grade::fail) == 1);
    CHECK_THAT(failure(findings)->what, Catch::Matchers::Contains(what));
    CHECK(!failure(findings)->remedy.empty());
    CHECK(site::first_failure(findings) == fault);
}

TEST_CASE("in which zone dates in REDCap are is said where the configuration does not")
{
    const Site site;
    const auto [zone, said] = GENERATE(table<std::string, std::string>(
        {{"", "zone of this machine"}, {"Europe/Nowhere", "will be UTC"}, {"Europe/Oslo", ""}}));
    auto config = site.config();
    config.timezone = zone;

    const auto findings = site::check_site(config, site.probes);

    const auto found = std::ranges::find_if(
        findings, [](const auto& finding) { return finding.what.starts_with("LOCALTIMEZONE"); });
    REQUIRE((found == findings.end()) == said.empty());
    if (found != findings.end()) {
        CHECK(found->grade == Grade::warn);
        CHECK(found->what.ends_with(said));
    }
}

TEST_CASE("a research PACS that does not answer is a failure of its class")
{
    Site site;
    site.probes.echo = [](const pacs::Peer& peer) {
        if (peer.called_aet == "RESEARCH") {
            throw Error{Fault::unreachable, "no connection"};
        }
    };

    const auto findings = site::check_site(site.config(), site.probes);

    CHECK(site::first_failure(findings) == Fault::unreachable);
    CHECK(count(findings, Grade::fail) == 1);
}

TEST_CASE("a REDCap project without a field we need is named with the field")
{
    Site site;
    site.probes.connect = [](const RedcapConfig&, redcap::Role role) {
        auto project = Site::make_project(role);
        std::erase_if(project->fields,
                      [](const auto& field) { return field.name == "transfer_mapped_uid"; });
        return std::unique_ptr<redcap::Client>{std::move(project)};
    };

    const auto findings = site::check_site(site.config(), site.probes);

    REQUIRE(count(findings, Grade::fail) == 1);
    CHECK(failure(findings)->what == "REDCap project incoming: no field transfer_mapped_uid");
}

TEST_CASE("a REDCap that is down is asked once, not six times")
{
    Site site;
    unsigned asked = 0;
    site.probes.connect = [&](const RedcapConfig&,
                              redcap::Role) -> std::unique_ptr<redcap::Client> {
        ++asked;
        throw Error{Fault::unreachable, "no connection"};
    };

    const auto findings = site::check_site(site.config(), site.probes);

    CHECK(asked == 1);
    CHECK(site::first_failure(findings) == Fault::unreachable);
}

TEST_CASE("a missing token of a project that only some sites use is a warning")
{
    Site site;
    site.probes.connect = [](const RedcapConfig&,
                             redcap::Role role) -> std::unique_ptr<redcap::Client> {
        if (role == redcap::Role::autoid) {
            throw Error{Fault::config, "no token for autoid"};
        }
        return Site::make_project(role);
    };

    CHECK(!site::first_failure(site::check_site(site.config(), site.probes)));
}

TEST_CASE(
    "mail and file servers are asked where they are configured, and what they refuse is a finding")
{
    Site site;
    auto config = site.config();
    unsigned asked = 0;
    site.probes.greet_mail_server = [&](const SmtpConfig&) {
        ++asked;
        throw Error{Fault::permission, "the mail server refuses the user of SMTP.user_file (535)"};
    };

    site.probes.greet_file_server = [&](const SftpConfig&) {
        ++asked;
        throw Error{Fault::config, "the server's key is not the one in the file of known hosts"};
    };

    CHECK(count(site::check_site(config, site.probes), Grade::fail) == 0);
    CHECK(asked == 0);
    config.smtp.url = "smtp://mail.example.org";
    config.sftp.host = "files.example.org";
    const auto findings = site::check_site(config, site.probes);

    CHECK(asked == 2);
    CHECK(count(findings, Grade::fail) == 2);
    CHECK(site::first_failure(findings) == Fault::permission);
}

TEST_CASE("what other rooms read is read by their readers, and a mistake is their finding")
{
    const Site site;
    const std::vector<site::ConfigReader> readers{
        {"streams", "mend them", [](const Config& /*config*/) {}},
        {"exports", "mend them", [](const Config& config) {
             throw Error{Fault::config, "{} will not do", config.file.filename().native()};
         }}};

    const auto findings = site::check_site(site.config(), site.probes, readers);

    REQUIRE(count(findings, Grade::fail) == 1);
    CHECK(failure(findings)->what == "exports: config.json will not do");
    CHECK(failure(findings)->remedy == "mend them");
    CHECK(std::ranges::any_of(findings, [](const auto& finding) {
        return finding.grade == Grade::ok && finding.what == "streams";
    }));
}
