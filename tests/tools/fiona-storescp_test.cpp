// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_negotiation.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/spool.h"
#include "tests/support/raw_association.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <set>
#include <thread>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

bool eventually(const std::function<bool()>& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5}); // between two looks
    }
    return true;
}

/// A site in a directory of its own with a receiver on a free port.
class Site {
public:
    explicit Site(json::Object receiver = {}, const fs::path& data = {})
    {
        // The disk of the test machine must not decide: no share is too small unless a test says so.
        for (const auto* const key :
             {"soft_free_share", "soft_free_bytes", "hard_free_share", "hard_free_bytes"}) {
            receiver.emplace(key, 0);
        }
        receiver.emplace("stop_grace", 10);
        receiver.emplace("bind", "127.0.0.1");
        json::Object config{{"ROOT", root.path.native()}, {"RECEIVER", receiver}};
        if (!data.empty()) {
            config["PATHS"] = json::Object{{"data", data.native()}};
        }
        m_config = config;
        m_data = data.empty() ? root / "data" : data;
        save();
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site() { tool({"stop"}); }

    void save() const { std::ofstream{root / "config.json"} << json::write(m_config); }

    Outcome tool(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"--config", (root / "config.json").native()});
        return run_tool("fiona-storescp", arguments);
    }

    void start()
    {
        const auto run = tool({"--port", "0", "start"});
        INFO(run.err);
        REQUIRE(run.exit_code == EX_OK);
        port = static_cast<std::uint16_t>(status().find("port")->integer());
    }

    [[nodiscard]] json::Value status() const
    {
        return json::parse(tool({"--json", "status"}).out, "status");
    }

    [[nodiscard]] std::string log() const
    {
        return read_file_if_any(root / "var/www/html/server/logs/storescpd.log").value_or("");
    }

    [[nodiscard]] pid_t pid() const
    {
        return store::running_daemon(root / "var/www/html/server/.pids/storescpd.pid").value_or(0);
    }

    [[nodiscard]] fs::path site(const char* name) const { return m_data / "site" / name; }

    [[nodiscard]] fs::path archived(const raw::Ids& ids) const
    {
        return site("archive") / ("scp_" + ids.study) / ("SC." + ids.sop);
    }

    /// All files below a directory of the site.
    [[nodiscard]] std::vector<fs::path> files(const char* name) const
    {
        std::vector<fs::path> found;
        for (const auto& entry : fs::recursive_directory_iterator{site(name)}) {
            if (entry.is_regular_file()) {
                found.push_back(entry.path());
            }
        }
        return found;
    }

    [[nodiscard]] std::size_t waiting() const
    {
        return store::Spool{site(".spool")}.count_waiting();
    }

    TempDir root;
    std::uint16_t port = 0;
    json::Object m_config;

private:
    fs::path m_data;
};

/// The data set part of a stored file.
std::string stored_data_set(const fs::path& file)
{
    const auto scan = dicom::prescan_file(file);
    return read_file(file).substr(scan.data_set_offset);
}

std::string numbered(unsigned number)
{
    return "1.2.826.0.1.3680043.8.498.7.1." + std::to_string(number);
}

} // namespace

TEST_CASE("fiona-storescp: an object is stored bit for bit, announced, and then acknowledged")
{
    Site site;
    site.start();
    const raw::Ids ids;
    const auto data = raw::data_set(ids, 300'000);

    const raw::Association association{site.port, "SCANNER 1", "PROJECT_A"};
    REQUIRE(association.store(ids, data) == 0x0000);

    CHECK(stored_data_set(site.archived(ids)) == data);
    CHECK(read_file(site.archived(ids)).substr(0, 128) == std::string(128, '\0'));
    const store::Spool spool{site.site(".spool")};
    const auto entries = spool.waiting();
    REQUIRE(entries.size() == 1);
    const auto entry = spool.read(entries[0]);
    CHECK(entry.caller == "SCANNER 1");
    CHECK(entry.called == "PROJECT_A");
    CHECK(entry.address == "127.0.0.1");
    CHECK(entry.directory / entry.file == site.archived(ids));
    CHECK(entry.series.str() == ids.series);
    CHECK(entry.transfer_syntax == raw::explicit_little);
    CHECK(entry.bytes == fs::file_size(site.archived(ids)));
    CHECK(fs::exists(site.site(".arrived")
                     / ("SCANNER%201 PROJECT_A " + entry.host + " scp_" + ids.study)));
    CHECK(fs::exists(site.site(".arrived") / ".open" / entry.association));
    CHECK(association.release());
    CHECK(eventually([&] { return fs::is_empty(site.site(".arrived") / ".open"); }));
    CHECK(fs::is_empty(site.site(".incoming")));
    CHECK_THAT(site.log(), !Contains(ids.sop) && !Contains("Phantom"));
}

TEST_CASE("fiona-storescp: an unchanged storescu delivers a directory")
{
    Site site;
    site.start();
    const TempDir source;
    for (unsigned i = 1; i <= 40; ++i) {
        raw::Ids ids;
        ids.sop = numbered(i);
        const auto meta = raw::element(0x00020002, "UI", ids.sop_class)
                          + raw::element(0x00020003, "UI", ids.sop)
                          + raw::element(0x00020010, "UI", raw::explicit_little);
        std::ofstream{source / std::to_string(i).c_str()}
            << std::string(128, '\0') << "DICM"
            << raw::element(0x00020000, "UL", raw::little(meta.size(), 4)) << meta
            << raw::data_set(ids, 2000);
    }

    const auto start = std::chrono::steady_clock::now();
    const auto sent = run({{"storescu", "-aec", "ANY", "+sd", "127.0.0.1",
                            std::to_string(site.port), source.path.native()}});
    const auto took = std::chrono::steady_clock::now() - start;

    CHECK(sent.exit_code == 0);
    CHECK(site.waiting() == 40);
    // With delayed acknowledgements each object would take 40 ms.
    CHECK(took < std::chrono::milliseconds{1500});
}

TEST_CASE("fiona-storescp: every transfer syntax is taken and kept as it is")
{
    const auto* const given = std::getenv("FIONA_TEST_DATA");
    const fs::path data = given != nullptr ? given : FIONA_SOURCE_DIR "/../shared/data";
    if (!fs::exists(data / "transfer-syntax")) {
        std::cout << "SKIPPED: no test data at " << data << "\n";
        return;
    }
    Site site;
    site.start();
    unsigned stored = 0;
    const auto known = pacs::preferred_syntaxes(ReceiverConfig::TransferSyntaxes::any);

    for (const auto& entry : fs::recursive_directory_iterator{data / "transfer-syntax"}) {
        if (!entry.is_regular_file()) {
            continue;
        }
        dicom::Prescan scan;
        try {
            scan = dicom::prescan_file(entry.path());
        } catch (const Error&) {
            continue; // no DICOM file with a meta header: nothing a sender could send
        }
        INFO(entry.path());
        raw::Ids ids;
        ids.sop_class = scan.sop_class;
        ids.sop = scan.sop_instance;
        const auto bytes = raw::even(read_file(entry.path()).substr(scan.data_set_offset), '\0');
        const raw::Association association{
            site.port, "SCANNER", "FIONA", {{1, ids.sop_class, {scan.transfer_syntax}}}};
        if (std::ranges::find(known, scan.transfer_syntax) == known.end()) {
            CHECK(association.rejection() == "1/1/1"); // younger than this DCMTK
            continue;
        }
        REQUIRE(association.is_accepted());
        CHECK(association.store(ids, bytes) == (scan.study.empty() ? 0xc002 : 0x0000));
        for (const auto& file : site.files("archive")) {
            if (file.native().ends_with("." + ids.sop)) {
                CHECK(stored_data_set(file) == bytes);
                ++stored;
            }
        }
        CHECK(association.release());
    }
    CHECK(stored >= 50);
}

TEST_CASE("fiona-storescp: the same object again changes nothing, another one replaces it")
{
    Site site;
    site.start();
    const raw::Ids ids;
    const raw::Association association{site.port};
    REQUIRE(association.store(ids) == 0x0000);
    struct stat before {};
    REQUIRE(::stat(site.archived(ids).c_str(), &before) == 0);

    REQUIRE(association.store(ids) == 0x0000);
    struct stat after {};
    REQUIRE(::stat(site.archived(ids).c_str(), &after) == 0);
    CHECK(after.st_ino == before.st_ino);
    CHECK(site.waiting() == 2); // announced again: the first announcement may have been lost
    CHECK_THAT(site.log(), !Contains("event=object_replaced"));

    const auto other = raw::data_set(ids, 1000, 'y');
    REQUIRE(association.store(ids, other) == 0x0000);
    CHECK(stored_data_set(site.archived(ids)) == other);
    CHECK_THAT(site.log(), Contains("event=object_replaced"));
}

TEST_CASE("fiona-storescp: no AE title is a reason to refuse or a way out of a directory")
{
    const auto caller = GENERATE(as<std::string>{}, "../../etc", "a\"b'c", "$(id);`id`", "A,B C",
                                 "\xe6\xf8\xe5", "line\nfeed", "%2e%2e/");
    Site site;
    site.start();
    const raw::Ids ids;

    REQUIRE(raw::Association{site.port, caller, caller}.store(ids) == 0x0000);

    CHECK(site.waiting() == 1);
    std::size_t marks = 0;
    for (const auto& entry : fs::directory_iterator{site.site(".arrived")}) {
        marks += entry.is_regular_file() ? 1U : 0U;
    }
    CHECK(marks == 1);
    CHECK_THAT(site.log(), !Contains("line\nfeed"));
    CHECK(eventually([&] { return site.log().find("association_ended") != std::string::npos; }));
}

TEST_CASE("fiona-storescp: a bad object is set aside, refused, and the next one is stored")
{
    struct Case {
        std::string command_sop;
        raw::Ids data;
        std::uint16_t status;
    };
    raw::Ids good;
    std::vector<Case> cases;
    for (const auto* const sop : {"../../evil", "/tmp/evil", "..", "1..2", "1.2;touch x"}) {
        raw::Ids bad = good;
        bad.sop = sop;
        cases.push_back({sop, bad, 0x0117});
    }
    for (const auto* const study : {"..", "../../evil", "/", "1.2/../3", "1.2.x"}) {
        raw::Ids bad = good;
        bad.study = study;
        cases.push_back({good.sop, bad, 0xc002});
    }
    raw::Ids other = good;
    other.sop = "1.2.3.4";
    cases.push_back({good.sop, other, 0xa900});
    other = good;
    other.sop_class = "1.2.840.10008.5.1.4.1.1.2";
    cases.push_back({good.sop, other, 0xa900});
    other = good;
    other.sop = "1.2\n3"; // DCMTK drops the line end from the command, not from the data set
    cases.push_back({other.sop, other, 0xa900});
    other = good;
    other.series = "";
    cases.push_back({good.sop, other, 0xc002});
    Site site;
    site.start();
    const raw::Association association{site.port};

    std::size_t refused = 0;
    for (const auto& one : cases) {
        CAPTURE(one.command_sop, one.data.study, one.status);
        raw::Ids command;
        command.sop = one.command_sop;
        CHECK(association.store(command, raw::data_set(one.data)) == one.status);
        CHECK(fs::is_empty(site.site("archive")));
        CHECK(site.files(".rejected").size() == 2 * ++refused); // the object and the reason
    }
    const auto nested = [](unsigned depth) { // undefined lengths
        std::string open;
        std::string close;
        for (unsigned i = 0; i < depth; ++i) {
            open += raw::tag(0x0040a730) + "SQ" + raw::little(0, 2) + raw::little(0xffffffff, 4)
                    + raw::tag(0xfffee000) + raw::little(0xffffffff, 4);
            close +=
                raw::tag(0xfffee00d) + raw::little(0, 4) + raw::tag(0xfffee0dd) + raw::little(0, 4);
        }
        return open + close;
    };
    const auto whole = raw::data_set(good);
    for (const auto& data : {whole.substr(0, whole.size() - 2), whole + nested(65),
                             whole + nested(20'000), std::string{"<html>"}}) {
        CHECK(association.store(good, data) == 0xc001);
        CHECK(fs::is_empty(site.site("archive")));
    }
    CHECK(association.store(good, whole + nested(64)) == 0x0000);
    CHECK(site.waiting() == 1);
    CHECK(association.release());
    CHECK_THAT(site.log(), !Contains("association_crashed"));
}

TEST_CASE("fiona-storescp: an abort in the middle of an object leaves nothing")
{
    Site site;
    site.start();
    const raw::Ids ids;
    {
        const raw::Association association{site.port};
        association.connection.send(raw::pdv(1, 3, raw::store_command(ids.sop_class, ids.sop)));
        association.connection.send(raw::pdv(1, 0, raw::data_set(ids, 500'000).substr(0, 100'000)));
        REQUIRE(eventually([&] { return !fs::is_empty(site.site(".incoming")); }));
        association.abort();
        REQUIRE(association.connection.read().type == 0);
    }

    CHECK(eventually([&] { return site.log().find("association_ended") != std::string::npos; }));
    CHECK(fs::is_empty(site.site(".incoming")));
    CHECK(fs::is_empty(site.site("archive")));
    CHECK(site.waiting() == 0);
}

TEST_CASE("fiona-storescp: nobody is kept waiting by those who say nothing")
{
    Site site{{{"acse_timeout", 1}, {"dimse_timeout", 1}}};
    site.start();
    const raw::Connection silent{site.port};
    const raw::Connection half{site.port};
    half.send(raw::request("A", "B", {}).substr(0, 20));
    const raw::Association idle{site.port};

    const auto start = std::chrono::steady_clock::now();
    const raw::Association association{site.port};
    CHECK(association.echo() == 0x0000);
    CHECK(association.store(raw::Ids{}) == 0x0000);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{1});

    CHECK(silent.read().type != 2);
    CHECK(half.read().type != 2);
    CHECK(idle.connection.read().type == 7); // A-ABORT
}

TEST_CASE("fiona-storescp: a full house, a stranger and a useless proposal are turned away")
{
    Site site{{{"max_per_peer", 100}, {"allowed_callers", json::Array{json::Value{"SCANNER"}}}}};
    site.start();
    CHECK(raw::Association{site.port, "STRANGER"}.rejection() == "1/1/3");
    CHECK(raw::Association{site.port,
                           "SCANNER",
                           "FIONA",
                           {{1, "1.2.840.10008.5.1.4.1.2.2.1", {raw::explicit_little}}}}
              .rejection()
          == "1/1/1");
    REQUIRE(eventually([&] { return site.status().find("associations")->array().empty(); }));
    std::vector<raw::Association> guests;
    for (int i = 0; i < 20; ++i) {
        guests.emplace_back(site.port);
        REQUIRE(guests.back().is_accepted());
    }

    CHECK(raw::Association{site.port}.rejection() == "2/3/2");

    CHECK(guests.front().echo() == 0x0000);
    CHECK(guests.back().release());
    guests.pop_back();
    CHECK(eventually([&] { return raw::Association{site.port}.is_accepted(); }));
}

TEST_CASE("fiona-storescp: without room there is no success, and the association survives")
{
    SECTION("the spool is full")
    {
        Site site{{{"spool_max", 1}}};
        site.start();
        const raw::Association association{site.port};
        raw::Ids ids;
        REQUIRE(association.store(ids) == 0x0000);
        std::optional<std::uint16_t> status;
        unsigned stored = 1;
        const auto refused = [&] {
            ids.sop = numbered(++stored);
            status = association.store(ids);
            return status != 0x0000;
        };
        REQUIRE(eventually(refused)); // the count is a second old at most
        CHECK(status == 0xa700);
        CHECK(association.echo() == 0x0000);
        CHECK_FALSE(fs::exists(site.archived(ids)));
        CHECK(raw::Association{site.port}.rejection() == "2/3/1");
    }
    SECTION("the disk is short")
    {
        Site site{{{"hard_free_bytes", std::int64_t{1} << 50U}}};
        site.start();
        CHECK(raw::Association{site.port}.rejection() == "2/3/1");
    }
}

TEST_CASE("fiona-storescp: on a full disk no object is acknowledged that is not there")
{
    const TempDir mount_point;
    if (::geteuid() != 0
        || ::mount("tmpfs", mount_point.path.c_str(), "tmpfs", 0, "size=2m") != 0) {
        std::cout << "SKIPPED: a small file system can be mounted by root only\n";
        return;
    }
    {
        Site site{{}, mount_point.path};
        site.start();
        const raw::Association association{site.port};
        unsigned acknowledged = 0;
        std::set<std::uint16_t> statuses;
        for (unsigned i = 1; i <= 30; ++i) {
            raw::Ids ids;
            ids.sop = numbered(i);
            const auto data = raw::data_set(ids, 150'000);
            const auto status = association.store(ids, data);
            REQUIRE(status);
            statuses.insert(*status);
            if (status == 0x0000) {
                ++acknowledged;
                CHECK(stored_data_set(site.archived(ids)) == data);
            }
        }
        CHECK(statuses == std::set<std::uint16_t>{0x0000, 0xa700});
        CHECK(acknowledged >= 5);
        CHECK(fs::is_empty(site.site(".incoming")));
        for (const auto& file : site.files("archive")) {
            fs::remove(file);
        }
        CHECK(association.store(raw::Ids{}) == 0x0000);
    }
    CHECK(::umount(mount_point.path.c_str()) == 0);
}

TEST_CASE("fiona-storescp: killed at any moment, what was acknowledged is there")
{
    std::mt19937 random{20260301}; // NOLINT(cert-msc51-cpp) repeatable on purpose
    Site site;
    std::vector<std::pair<raw::Ids, std::string>> acknowledged;
    for (unsigned round = 0; round < 6; ++round) {
        site.start();
        const raw::Association association{site.port};
        const auto objects = 3 + random() % 12;
        const auto victim = round % 2 == 0 ? site.pid() : static_cast<pid_t>([&] {
            json::Value status;
            eventually([&] {
                status = site.status();
                return !status.find("associations")->array().empty();
            });
            return status.find("associations")->array()[0].find("pid")->integer();
        }());
        std::thread killer;
        for (unsigned i = 0; i < 200; ++i) {
            if (i == objects) {
                const std::chrono::microseconds moment{random() % 3000};
                killer = std::thread{[=] {
                    std::this_thread::sleep_for(moment);
                    ::kill(victim, SIGKILL);
                }};
            }
            raw::Ids ids;
            ids.sop = numbered(1000 * round + i);
            auto data = raw::data_set(ids, 20'000);
            if (association.store(ids, data) != 0x0000) {
                break;
            }
            acknowledged.emplace_back(ids, std::move(data));
        }
        killer.join();
        REQUIRE(eventually([&] { return round % 2 != 0 || site.pid() == 0; }));
    }
    site.tool({"restart"});

    REQUIRE(acknowledged.size() > 20);
    std::set<std::string> announced;
    const store::Spool spool{site.site(".spool")};
    for (const auto& name : spool.waiting()) {
        announced.insert(spool.read(name).sop.str());
    }
    for (const auto& [ids, data] : acknowledged) {
        REQUIRE(fs::exists(site.archived(ids)));
        CHECK(stored_data_set(site.archived(ids)) == data);
        CHECK(announced.count(ids.sop) == 1);
    }
}

TEST_CASE("fiona-storescp: stop lets an object finish, answers it, and ends")
{
    Site site;
    site.start();
    const raw::Ids ids;
    const auto data = raw::data_set(ids, 150'000);
    const raw::Association busy{site.port};
    const raw::Association idle{site.port};
    busy.connection.send(raw::pdv(1, 3, raw::store_command(ids.sop_class, ids.sop)));
    busy.connection.send(raw::pdv(1, 0, data.substr(0, 50'000)));
    REQUIRE(eventually([&] { return !fs::is_empty(site.site(".incoming")); }));

    ::kill(site.pid(), SIGTERM);
    REQUIRE(idle.connection.read().type == 7);
    busy.send_data(data.substr(50'000));

    CHECK(busy.status() == 0x0000);
    CHECK(busy.connection.read().type == 7);
    CHECK(eventually([&] { return site.pid() == 0; }));
    CHECK(stored_data_set(site.archived(ids)) == data);
    CHECK(site.tool({"stop"}).exit_code == EX_OK); // nothing to stop is no error
}

TEST_CASE("fiona-storescp: a status file that a power loss has emptied hides no running receiver")
{
    Site site;
    CHECK(site.status().find("associations")->array().empty());
    site.start();
    std::ofstream{site.site(".status") / "storescp.json", std::ios::trunc};

    const auto status = site.status();

    CHECK(status.find("running")->boolean());
    CHECK(status.find("associations")->array().empty());
    CHECK(site.tool({"start"}).exit_code == EX_OK);
}

TEST_CASE("fiona-storescp: one receiver serves a site, and one a port")
{
    Site site;
    site.start();
    const auto pid = site.pid();

    const auto again = site.tool({"start"});
    CHECK(again.exit_code == EX_OK);
    CHECK_THAT(again.out, Contains("already"));
    CHECK(site.tool({"--port", "0", "run"}).exit_code == EX_TEMPFAIL);
    CHECK(site.pid() == pid);

    Site other;
    const auto same_port = other.tool({"--port", std::to_string(site.port), "start"});
    CHECK(same_port.exit_code == EX_TEMPFAIL);
    CHECK_THAT(same_port.err, Contains("in use"));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
}

TEST_CASE("fiona-storescp: the control file and the configuration are obeyed while it runs")
{
    Site site;
    fs::create_directories(site.root / "data/config");
    std::ofstream{site.root / "data/config/enabled"} << "011";
    const auto run = site.tool({"--port", "0", "start"});
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("switched off"));
    CHECK(site.pid() == 0);
    fs::remove(site.root / "data/config/enabled");
    site.start();
    std::ofstream{site.root / "data/config/enabled"} << "011";
    CHECK(raw::Association{site.port}.rejection() == "2/1/1");
    fs::remove(site.root / "data/config/enabled");
    fs::create_directory(site.root / "data/config/enabled"); // no control file: reading it fails
    CHECK(raw::Association{site.port}.rejection() == "2/1/1");
    fs::remove(site.root / "data/config/enabled");
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    fs::create_directory(site.root / "data/config/enabled");
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    CHECK_THAT(site.log(), Contains("event=control_file_unreadable"));
    fs::remove(site.root / "data/config/enabled");

    std::ofstream{site.root / "config.json"} << "{ no JSON";
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return site.log().find("configuration_kept") != std::string::npos; }));
    CHECK(raw::Association{site.port}.echo() == 0x0000);
    site.m_config["RECEIVER"].object()["allowed_callers"] = json::Array{json::Value{"OTHER"}};
    site.save();
    ::kill(site.pid(), SIGHUP);
    CHECK(eventually([&] { return raw::Association{site.port}.rejection() == "1/1/3"; }));
}

TEST_CASE("fiona-storescp: a dry run starts and stops nothing, a bad command line is 64")
{
    Site site;
    CHECK_THAT(site.tool({"--dry-run", "start"}).out, Contains("would be started"));
    CHECK(site.tool({"--dry-run", "run"}).exit_code == EX_USAGE);
    CHECK(site.pid() == 0);
    site.start();
    CHECK_THAT(site.tool({"--dry-run", "stop"}).out, Contains("would be stopped"));
    CHECK(site.pid() != 0);

    CHECK(site.tool({}).exit_code == EX_USAGE);
    CHECK(site.tool({"fly"}).exit_code == EX_USAGE);
    CHECK(site.tool({"--port", "99999", "start"}).exit_code == EX_USAGE);
    CHECK(site.tool({"--help"}).exit_code == EX_OK);
}
