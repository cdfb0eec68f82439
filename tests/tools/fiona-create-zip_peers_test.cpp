// SPDX-License-Identifier: MIT
#include "libfiona/store/atomic_file.h"
#include "tests/support/export_site.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/phantom.h"
#include "tests/support/scripted_finder.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/smtp_sink.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>
#include <sysexits.h>

#include <optional>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

const ExportStudy study;

void check_pull(ExportSite& site)
{
    site.put_lines(ExportSite::line(study, "PURE"));
    const auto run = site.create({"run"});
    INFO(run.err << run.out << site.lines());
    REQUIRE(run.exit_code == EX_OK);
    CHECK(site.entries().size() == 7);
    CHECK(site.lines().empty());
}

json::Object moving(std::uint16_t port)
{
    return {{"retrieve", "move"}, {"move_aet", "MOVER"}, {"move_port", port}};
}

json::Object mail_server(const SmtpSink& sink)
{
    return {{"url", fmt::format("smtp://127.0.0.1:{}", sink.port())},
            {"from", "fiona@example.org"},
            {"timeout", 10}};
}

std::string with_password(const std::string& email)
{
    return ExportSite::line(study, "plain",
                            {{"password", "c2VjcmV0IHfDuHJk"}, // secret wørd
                             {"email", email},
                             {"sender_email", "bob@example.org"}});
}

} // namespace

TEST_CASE("fiona-create-zip: Orthanc gives a study by C-GET")
{
    if (OrthancServer::is_here()) {
        const OrthancServer pacs;
        ExportSite::fill(pacs.peer(), study);
        ExportSite site{pacs.peer()};
        check_pull(site);
    }
}

TEST_CASE("fiona-create-zip: dcmqrscp and Orthanc send a study by C-MOVE")
{
    const auto port = unused_port();
    SECTION("dcmqrscp")
    {
        const PacsServer pacs{{{"MOVER", port}}};
        ExportSite::fill(pacs.peer(), study);
        ExportSite site{pacs.peer()};
        site.set("EXPORT", moving(port));
        check_pull(site);
    }
    SECTION("Orthanc")
    {
        if (OrthancServer::is_here()) {
            const OrthancServer pacs{{.destinations = {{"MOVER", port}}}};
            ExportSite::fill(pacs.peer(), study);
            ExportSite site{pacs.peer()};
            site.set("EXPORT", moving(port));
            check_pull(site);
        }
    }
    CHECK_FALSE(listens(port));
}

TEST_CASE("fiona-create-zip: a partial answer is no package, and only what is missing comes again")
{
    const auto second = ExportStudy::numbered(2);
    const ExportBench bench{{study, second}};
    const auto& site = bench.site;
    const auto lost = [&] {
        for (const auto& file : bench.pacs.files()) {
            if (element_of(file, {0x0008, 0x0018}) == study.uid + ".2.3") {
                return file;
            }
        }
        throw std::runtime_error{"no such object"};
    }();
    fs::rename(lost, lost.native() + ".away"); // its index still has it
    site.put_lines(ExportSite::line(study, "PURE") + ExportSite::line(second, "PURE"));

    const auto run = site.create({"run"});

    INFO(run.err << run.out);
    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK(site.names(".zip").size() == 1);
    CHECK(site.names(".part").empty());
    const auto line = json::parse(site.lines(), "line");
    CHECK(line.find("downloadAttempts")->integer() == 1);
    CHECK_THAT(line.text("last_error"), Contains("gave 5 of 6 objects"));

    fs::rename(lost.native() + ".away", lost);
    const auto id = site.first_id();
    const auto again = site.create({"run", "--job", id});
    INFO(again.err);
    CHECK(again.exit_code == EX_OK);
    CHECK(site.names(".zip").size() == 2);
    CHECK(site.lines().empty());
}

TEST_CASE("fiona-create-zip: a PACS that announces more than it lists gives no package")
{
    const ScriptedFinder pacs{[](const std::string& level, const pacs::Keys& /*keys*/) {
        if (level == "STUDY") {
            return ScriptedFinder::Answer{{{{"StudyInstanceUID", study.uid},
                                            {"PatientID", study.participant},
                                            {"AccessionNumber", study.accession},
                                            {"StudyDate", "20240102"},
                                            {"NumberOfStudyRelatedInstances", "7"}}}};
        }
        return ScriptedFinder::Answer{};
    }};
    const ExportSite site{pacs.peer()};
    site.put_lines(ExportSite::line(study, "PURE"));

    const auto run = site.create({"run"});

    CHECK(run.exit_code == EX_TEMPFAIL);
    CHECK_THAT(site.lines(), Contains("gave 0 of 7 objects"));
    CHECK(site.names(".zip").empty());
}

TEST_CASE("fiona-create-zip: a PACS that is not there is waited for without counting")
{
    const ExportSite site{pacs::Peer{"127.0.0.1", unused_port(), "RESEARCH", "FIONA"}};
    site.put_lines(ExportSite::line(study, "PURE"));

    const auto run = site.create({"run"});

    CHECK(run.exit_code == EX_UNAVAILABLE);
    const auto line = json::parse(site.lines(), "line");
    CHECK(line.find("downloadAttempts")->integer() == 0); // nobody gives up because of a night
    CHECK(line.find("postponed")->integer() == 1);
}

TEST_CASE("fiona-create-zip: RAM-MS dates are moved, names are dashed, reports are left out")
{
    auto odd = study;
    odd.more = {{"PatientWeight", "71"}, {"SeriesDate", "20240102"}};
    const ExportBench bench{{odd}};
    const auto& site = bench.site;
    site.put_lines(ExportSite::line(study, "RAM-MS", {{"project", "RAM-MS"}, {"event", "m_w12"}}));

    const auto run = site.create({"run"});

    INFO(run.err);
    REQUIRE(run.exit_code == EX_OK);
    const auto entries = site.entries();
    REQUIRE(entries.size() == 6);
    CHECK(entries.front() == fmt::format("DICOM_DEMO_0001_m_W12/DICOM/MR.{}.1.1", study.uid));
    const TempDir unpacked;
    site.unpack(unpacked.path);
    const auto file = unpacked.path / entries.front();
    CHECK(element_of(file, {0x0008, 0x0020}) == "20231121");
    CHECK(element_of(file, {0x0008, 0x0021}) == "20231121");
    CHECK(element_of(file, {0x0008, 0x0022}) == "20231121"); // inserted
    CHECK(element_of(file, {0x0010, 0x0020}) == "DEMO-0001");
    CHECK(element_of(file, {0x0010, 0x0010}) == "DEMO-0001");
    CHECK(element_of(file, {0x0010, 0x1030}).empty());
    CHECK(element_of(file, {0x0010, 0x4000}) == "(absent)");
    CHECK(fiona::run({.arguments = {"dcmdump", "-q", file.native()}}).exit_code == 0);
}

TEST_CASE("fiona-create-zip: Transpara packages know neither dates nor the referring physician")
{
    auto odd = study;
    odd.more = {{"ReferringPhysicianName", "EventName:baseline"}};
    const ExportBench bench{{odd}};
    const auto& site = bench.site;
    site.put_lines(ExportSite::line(study, "Transpara"));

    REQUIRE(site.create({"run"}).exit_code == EX_OK);

    const TempDir unpacked;
    site.unpack(unpacked.path);
    const auto file = unpacked.path / site.entries().front();
    CHECK(element_of(file, {0x0008, 0x0090}).empty());
    CHECK(element_of(file, {0x0008, 0x0020}).empty());
    CHECK(element_of(file, {0x0008, 0x0050}) == "DEMO_0001");
    CHECK(element_of(file, {0x0010, 0x0010}) == "DEMO_0001");
}

TEST_CASE("fiona-create-zip: a study without objects of the kind asked for says so in its package")
{
    const ExportBench bench{{study}};
    const auto& site = bench.site;
    site.put_lines(ExportSite::line(study, "Spectroscopy"));

    REQUIRE(site.create({"run"}).exit_code == EX_OK);

    CHECK(site.entries() == std::vector<std::string>{"fiona.txt", "warning.txt"});
}

TEST_CASE(
    "fiona-create-zip: NIfTI files come out of dcm2niix, and BIDS names out of classification")
{
    const PacsServer pacs;
    phantom::Study images{phantom::Patient{"DEMO_0001", "DEMO_0001", "19700101", "F"}, 7};
    constexpr auto plain = phantom::PrivateGroups::none;
    images.add_mr_series({.description = "t1_mprage_sag", .images = 6, .private_groups = plain});
    images.add_mr_series({.description = "odd thing", .images = 6, .private_groups = plain});
    images.add_mr_series({.description = "b-values in Siemens' header", .images = 6});
    ExportSite::fill(pacs.peer(), images);
    const ExportSite site{pacs.peer()};
    ExportStudy asked;
    asked.uid = images.uid();
    asked.accession = "";
    SECTION("NIFTI")
    {
        site.put_lines(ExportSite::line(asked, "NIFTI"));
        const auto run = site.create({"run"});
        INFO(run.err << site.lines());
        REQUIRE(run.exit_code == EX_OK);
        const auto entries = site.entries();
        INFO(fmt::format("{}", fmt::join(entries, "\n")));
        CHECK(std::ranges::any_of(entries, [](const std::string& name) {
            return name.starts_with("baseline/DICOM/") && name.ends_with(".nii");
        }));
        CHECK(std::ranges::none_of(entries,
                                   [](const std::string& name) { return name.ends_with(".dcm"); }));
    }
    SECTION("BIDS")
    {
        site.put_lines(ExportSite::line(asked, "BIDS"));
        const auto run = site.create({"run"});
        INFO(run.err << site.lines());
        REQUIRE(run.exit_code == EX_OK);
        const auto entries = site.entries();
        INFO(fmt::format("{}", fmt::join(entries, "\n")));
        const auto has = [&](const std::string& name) {
            return std::ranges::find(entries, name) != entries.end();
        };
        CHECK(has("dataset_description.json"));
        CHECK(has("participants.tsv"));
        CHECK(has("sub-DEMO0001/ses-baseline/anat/"
                  "sub-DEMO0001_ses-baseline_acq-t1mpragesag_run-1_T1w.nii"));
        CHECK(has("sub-DEMO0001/ses-baseline/dwi/"
                  "sub-DEMO0001_ses-baseline_acq-bvaluesinSiemensheader_run-1_dwi.bval"));
        CHECK(std::ranges::any_of(entries, [](const std::string& name) {
            return name.starts_with("extra_data/sub-DEMO0001/ses-baseline/");
        }));
    }
}

TEST_CASE("fiona-create-zip: a converter that is killed, or meets a full disk, makes no package")
{
    const PacsServer pacs;
    phantom::Study images{phantom::Patient{"DEMO_0001", "DEMO_0001", "19700101", "F"}, 7};
    images.add_mr_series(
        {.images = 8, .rows = 256, .private_groups = phantom::PrivateGroups::none});
    ExportSite::fill(pacs.peer(), images);
    const ExportSite site{pacs.peer()};
    ExportStudy asked;
    asked.uid = images.uid();
    asked.accession = "";
    site.put_lines(ExportSite::line(asked, "NIFTI"));
    std::vector<std::string> arguments{"--config", site.config_file().native(), "run"};
    SECTION("killed")
    {
        const TempDir programs;
        store::write_file(programs / "dcm2niix", "#!/bin/sh\nkill -9 $$\n", 0755);
        const auto run = run_tool("fiona-create-zip", arguments,
                                  {fmt::format("PATH={}:/usr/bin:/bin", programs.path.native())});
        INFO(run.err);
        CHECK(run.exit_code == EX_TEMPFAIL);
        CHECK_THAT(site.lines(), Contains("exit code 137"));
    }
    SECTION("full disk")
    {
        std::uintmax_t kibibytes = 64; // lock and folders, and half of the last third
        for (const auto& file : pacs.files()) {
            kibibytes += (fs::file_size(file) / 4096 + 1) * 4 * 5 / 2;
        }
        const SmallDisk disk{site.root() / "small", fmt::format("{}k", kibibytes)};
        if (!disk.is_mounted()) {
            skip("only root may mount a disk");
            return;
        }
        arguments.insert(arguments.end(), {"--work", (site.root() / "small").native()});
        const auto run = run_tool("fiona-create-zip", arguments);
        INFO(run.err);
        CHECK(run.exit_code == EX_IOERR);
        CHECK_THAT(site.lines(), Contains("cut short"));
    }
    CHECK(site.names(".zip").empty());
    CHECK(site.names(".part").empty());
}

TEST_CASE(
    "fiona-create-zip: an encrypted package is mailed once, and its password is not in the mail")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    ExportBench bench{{study}};
    auto& site = bench.site;
    site.set("SMTP", mail_server(sink));
    site.set("EXPORT", json::Object{{"mail_domains", json::Array{"example.org"}},
                                    {"link", "https://fiona.example.org/process.php?link="}});
    site.put_lines(with_password("alice@example.org") + with_password("eve@example.com"));

    const auto run = site.create({"run"});

    INFO(run.err << run.out);
    CHECK(run.exit_code == EX_CONFIG); // example.com is not allowed; the other one is done
    const auto mails = sink.mails();
    REQUIRE(mails.size() == 1);
    const auto text = mails.front().text("text");
    const auto zips = site.names("_encrypted.zip");
    REQUIRE(zips.size() == 1);
    CHECK_THAT(text, Contains("process.php?link=" + zips.front()));
    CHECK_THAT(mails.front().text("raw"), !Contains("secret"));
    const auto opened = fiona::run(
        {.arguments = {"7z", "t", "-psecret wørd", (site.packages() / zips.front()).native()}});
    INFO(opened.out << opened.err);
    CHECK(opened.exit_code == 0);
    CHECK_THAT(run.err + run.out, !Contains("example.com"));
    static_cast<void>(site.create({"run"}));
    CHECK(sink.mails().size() == 1);
}

TEST_CASE("fiona-create-zip: a mail that is refused keeps package and job, an uncertain one is not "
          "repeated")
{
    if (!SmtpSink::is_here()) {
        return;
    }
    const SmtpSink sink;
    ExportBench bench{{study}};
    auto& site = bench.site;
    site.set("SMTP", mail_server(sink));
    site.set("EXPORT", json::Object{{"mail_domains", json::Array{"example.org"}}});
    site.put_lines(with_password("alice@example.org"));
    SECTION("refused")
    {
        sink.behave("refuse-mail");
        const auto run = site.create({"run"});
        CHECK(run.exit_code == EX_PROTOCOL);
        CHECK(site.names("_encrypted.zip").size() == 1);
        const auto line = json::parse(site.lines(), "line");
        CHECK(line.find("downloadAttempts")->integer() == 1);
        sink.behave("accept");
        const auto id = site.first_id();
        const auto again = site.create({"run", "--job", id});
        INFO(again.err);
        CHECK(again.exit_code == EX_OK);
        CHECK(sink.mails().size() == 1);
        CHECK(site.names("_encrypted.zip").size() == 1);
    }
    SECTION("uncertain")
    {
        sink.behave("vanish");
        const auto run = site.create({"run"});
        INFO(run.err);
        CHECK(run.exit_code == EX_OK);
        CHECK_THAT(run.err, Contains("mail_uncertain"));
        CHECK(site.lines().empty());
    }
    SECTION("killed while it mailed")
    {
        auto line = json::parse(with_password("alice@example.org"), "line").object();
        line["state"] = "mailing";
        line["pid"] = 1;
        line["pid_started"] = 1;
        fs::remove(site.list());
        site.put_lines(json::write(line) + "\n");
        const auto run = site.create({"run"});
        CHECK(run.exit_code == EX_DATAERR);
        CHECK(sink.mails().empty());
        CHECK(site.lines().empty());
        CHECK(site.failed_lines().size() == 1);
    }
}
