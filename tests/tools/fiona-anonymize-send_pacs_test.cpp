// SPDX-License-Identifier: MIT
// The tool against peers that are programs of their own: our receiver with TLS and storage commitment, Orthanc.
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "tests/support/authority.h"
#include "tests/support/child_process.h"
#include "tests/support/pacs_server.h"
#include "tests/support/receiver_site.h"
#include "tests/support/sending_site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <filesystem>
#include <fstream>
#include <optional>

using namespace fiona;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

using World = SendingSite;

std::size_t archived(const receiver::Site& pacs)
{
    return pacs.files("archive").size();
}

json::Object tls_server(const Authority& authority)
{
    return {{"tls", json::Object{{"port", 0},
                                 {"certificate", authority.certificate("server")},
                                 {"private_key", authority.key("server")},
                                 {"ca_file", authority.certificate("ca")},
                                 {"client_certificates", "required"}}}};
}

json::Object tls_client(const Authority& authority, const Authority& trusted)
{
    return {{"ca_file", trusted.certificate("ca")},
            {"certificate", authority.certificate("client")},
            {"private_key", authority.key("client")}};
}

/// A plugin-less Orthanc with a storage of its own; every caller may store.
class Orthanc {
public:
    Orthanc() : dicom_port{unused_port()}, http_port{unused_port()}
    {
        std::ofstream{m_root / "orthanc.json"}
            << json::write(json::Object{{"StorageDirectory", (m_root / "storage").native()},
                                        {"IndexDirectory", (m_root / "storage").native()},
                                        {"DicomPort", dicom_port},
                                        {"HttpPort", http_port},
                                        {"RemoteAccessAllowed", false},
                                        {"AuthenticationEnabled", false},
                                        {"DicomAet", "RESEARCH"},
                                        {"DicomAlwaysAllowFind", true},
                                        {"Plugins", json::Array{}}});
        m_process.emplace(
            std::vector<std::string>{orthanc_program(), (m_root / "orthanc.json").native()},
            m_root / "process");
        wait_for_port(dicom_port, std::chrono::seconds{30});
    }

    static std::string orthanc_program()
    {
        for (const auto* const path : {"/usr/sbin/Orthanc", "/usr/bin/Orthanc"}) {
            if (fs::exists(path)) {
                return path;
            }
        }
        return {};
    }

    std::uint16_t dicom_port;
    std::uint16_t http_port;

private:
    TempDir m_root;
    std::optional<ChildProcess> m_process;
};

} // namespace

TEST_CASE("fiona-anonymize-send: over TLS to a PACS that commits itself on the same association")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    receiver::Site pacs{tls_server(authority)};
    pacs.start();
    const World world{{{"port", pacs.status().find("tls_port")->integer()},
                       {"commitment", "required"},
                       {"tls", tls_client(authority, authority)}}};
    const auto name = world.add(1, 3);

    const auto run = world.site.run("fiona-anonymize-send");

    INFO(run.err << pacs.log());
    CHECK(run.exit_code == EX_OK);
    CHECK(world.studies->whereabouts(name) == "done");
    CHECK(archived(pacs) == 3);
    CHECK(world.told(1, "transfers_complete") == "2");
    CHECK_THAT(read_file(world.studies->paths().logs() / "transfers-audit.jsonl"),
               Contains(R"("commitment":"committed")"));
    CHECK(identity_in(run.out + run.err + world.studies->everything_written()).empty());
    CHECK(world.site.run("fiona-config", {"check"}).out.find("C-ECHO to the research PACS")
          != std::string::npos);
}

TEST_CASE("fiona-anonymize-send: a PACS that nobody we trust has signed gets nothing")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const Authority authority;
    authority.sign("server");
    authority.sign("client");
    const Authority stranger;
    receiver::Site pacs{tls_server(authority)};
    pacs.start();
    const auto port = pacs.status().find("tls_port")->integer();
    World world{{{"port", port}, {"tls", tls_client(authority, stranger)}}};
    const auto name = world.add(1, 1);

    const auto run = world.site.run("fiona-anonymize-send");

    CHECK(run.exit_code == EX_PROTOCOL);
    CHECK_THAT(run.err, Contains("certificate is not trusted"));
    CHECK_THAT(run.err, Contains("RESEARCH_PACS.tls"));
    CHECK(world.studies->whereabouts(name) == "requests");
    CHECK(archived(pacs) == 0);

    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", port},
                                                 {"aet", "RESEARCH"},
                                                 {"tls", tls_client(authority, authority)}});
    CHECK(world.site.run("fiona-anonymize-send").exit_code == EX_OK);
    CHECK(world.studies->whereabouts(name) == "done");
    CHECK(archived(pacs) == 1);

    world.site.set("RESEARCH_PACS",
                   json::Object{{"host", "127.0.0.1"},
                                {"port", port},
                                {"aet", "RESEARCH"},
                                {"tls", json::Object{{"ca_file", "/nonexistent/ca.crt"}}}});
    static_cast<void>(world.add(2, 1));
    CHECK(world.site.run("fiona-anonymize-send").exit_code == EX_CONFIG);
}

TEST_CASE("fiona-anonymize-send: commitment that is reported later, to our own receiver")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const std::uint16_t own_port = unused_port();
    receiver::Site pacs{{{"commitment_retry", 1},
                         {"peers", json::Object{{"FIONA", json::Object{{"host", "127.0.0.1"},
                                                                       {"port", own_port}}}}}}};
    pacs.start();
    World world{{{"port", pacs.port}, {"commitment", "required"}, {"commitment_wait", 0}}};
    world.site.set("DICOMPORT", own_port);
    world.site.set(
        "RECEIVER",
        json::Object{{"bind", "127.0.0.1"}, {"hard_free_share", 0}, {"hard_free_bytes", 0}});
    const auto name = world.add(1, 2);
    REQUIRE(world.site.run("fiona-storescp", {"start"}).exit_code == EX_OK);

    const auto first = world.site.run("fiona-anonymize-send");
    CHECK(first.exit_code == EX_TEMPFAIL);
    CHECK_THAT(first.err, Contains("storage commitment"));
    CHECK(world.studies->whereabouts(name) == "requests");
    CHECK(archived(pacs) == 2);
    const auto reports = world.studies->paths().commitments() / "reports";
    CHECK(wait_until([&] { return fs::exists(reports) && !fs::is_empty(reports); }));

    const auto second = world.site.run("fiona-anonymize-send", {"--request", name});

    static_cast<void>(world.site.run("fiona-storescp", {"stop"}));
    INFO(second.err << pacs.log());
    CHECK(second.exit_code == EX_OK);
    CHECK(world.studies->whereabouts(name) == "done");
    CHECK_THAT(second.err, Contains("event=prepared_study_used"));
    CHECK(archived(pacs) == 2);
    CHECK(fs::is_empty(reports));
}

TEST_CASE(
    "fiona-anonymize-send: a Siemens non-image object gets its picture at a PACS that takes both")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    receiver::Site pacs;
    pacs.start();
    const World world{{{"port", pacs.port}}};
    SmallImage physio;
    physio.study = TransferSite::study_uid(1);
    physio.series = physio.study + ".1";
    physio.sop = physio.series + ".1";
    physio.sop_class = "1.3.12.2.1107.5.9.1"; // CSA non-image
    physio.pixels = SmallImage::Pixels::none;
    world.studies->add(physio, {{"ClassifyType", json::Array{"ABCD-Physio"}}});
    const auto name = world.request(physio.study);

    const auto run = world.site.run("fiona-anonymize-send", {"--json"});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.studies->whereabouts(name) == "done");
    CHECK(archived(pacs) == 2);
    const auto document = json::parse(run.out, "output");
    const auto* const counts = document.find("requests")->array().at(0).find("counts");
    CHECK(counts->text("in") == "1");
    CHECK(counts->text("added") == "1");
    for (const auto& file : pacs.files("archive")) {
        CHECK(identity_in(read_file(file)).empty());
    }
}

TEST_CASE("fiona-anonymize-send: Orthanc has the study, and no object twice after a second request")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    if (Orthanc::orthanc_program().empty()) {
        skip("orthanc is not installed");
        return;
    }
    const Orthanc pacs;
    const World world{{{"port", pacs.dicom_port}, {"commitment_wait", 1}}};
    const auto name = world.add(1, 4);

    const auto run = world.site.run("fiona-anonymize-send");

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.studies->whereabouts(name) == "done");
    const auto count = [&] {
        const auto found = fiona::run(
            {{"curl", "-s", fmt::format("http://127.0.0.1:{}/instances", pacs.http_port)}});
        return json::parse(found.out, "Orthanc's answer").array().size();
    };
    CHECK(count() == 4);
    static_cast<void>(world.studies->file_request(TransferSite::study_uid(1)));
    CHECK(world.site.run("fiona-anonymize-send").exit_code == EX_OK);
    CHECK(count() == 4);
}
