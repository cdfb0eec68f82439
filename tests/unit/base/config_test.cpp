// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <ctime>
#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

class ConfigFile {
public:
    explicit ConfigFile(const std::string& text) { std::ofstream{path()} << text; }

    [[nodiscard]] fs::path path() const { return m_directory / "config.json"; }
    [[nodiscard]] Config load(const std::string& project = {}) const
    {
        return Config::load(path(), project);
    }
    [[nodiscard]] std::string complaint(const std::string& project = {}) const
    {
        try {
            static_cast<void>(load(project));
        } catch (const Error& e) {
            CHECK(e.fault() == Fault::config);
            return e.what();
        }
        return "";
    }

private:
    TempDir m_directory;
};

} // namespace

TEST_CASE("an empty configuration is the original's absolute paths")
{
    const auto config = ConfigFile{"{}"}.load();

    CHECK(config.paths.archive() == "/data/site/archive");
    CHECK(config.paths.requests() == "/home/processing/transfer_requests");
    CHECK(config.paths.server_pids() == "/var/www/html/server/.pids");
    CHECK(config.paths.incoming_list() == "/var/www/html/applications/Assign/incoming.txt");
    CHECK(config.paths.export_root == "/export2");
    CHECK(config.classify_rules == "/data/config/classifyRules.json");
    CHECK(config.redcap.tokens_file == "/data/config/redcap.tokens");
    CHECK(config.deidentify.profile == "/data/config/profile.csv");
    CHECK(config.timing.quiet == std::chrono::seconds{16});
    CHECK(config.receiver.port == 11112);
}

TEST_CASE("ROOT stands before every default, PATHS moves a single one")
{
    const auto config =
        ConfigFile{R"({"ROOT": "/srv/fiona", "PATHS": {"processing": "/big/processing"}})"}.load();

    CHECK(config.paths.data == "/srv/fiona/data");
    CHECK(config.paths.processing == "/big/processing");
    CHECK(config.paths.server == "/srv/fiona/var/www/html/server");
    CHECK(config.paths.applications == "/srv/fiona/var/www/html/applications");
    CHECK(config.paths.export_root == "/srv/fiona/export2");
}

TEST_CASE("DATADIR moves the data of the default site")
{
    CHECK(ConfigFile{R"({"DATADIR": "/data1"})"}.load().paths.data == "/data1");
}

TEST_CASE("numbers may be written as text, as the original does")
{
    const auto config = ConfigFile{R"({"DICOMPORT": "4006", "QUIETTIME": 5, "RECEIVER":
        {"max_associations": "7", "soft_free_share": "0.25", "hard_free_bytes": 1000}})"}
                            .load();

    CHECK(config.receiver.port == 4006);
    CHECK(config.timing.quiet == std::chrono::seconds{5});
    CHECK(config.receiver.max_associations == 7);
    CHECK(config.receiver.soft_free_share == 0.25);
    CHECK(config.receiver.hard_free_bytes == 1000);
}

TEST_CASE("query and retrieve default to the peer of C-STORE")
{
    const auto config =
        ConfigFile{R"({"RESEARCH_PACS": {"host": "pacs", "port": 104, "aet": "R"}})"}.load();

    CHECK(config.research_pacs.qr_port == 104);
    CHECK(config.research_pacs.qr_aet == "R");
    CHECK(config.research_pacs.calling_aet == "FIONA");
}

TEST_CASE("TLS to the research PACS needs an authority, and a certificate goes with its key")
{
    const auto config = ConfigFile{R"({"RESEARCH_PACS": {"commitment": "required", "tls": {
        "ca_file": "/ca.crt", "certificate": "/own.crt", "private_key": "/own.key"}}})"}
                            .load();
    REQUIRE(config.research_pacs.tls);
    CHECK(config.research_pacs.tls->ca_file == "/ca.crt");
    CHECK(config.research_pacs.tls->private_key == "/own.key");
    CHECK(config.research_pacs.tls->server_name.empty());
    CHECK(config.research_pacs.commitment == ResearchPacsConfig::Commitment::required);

    const auto plain = ConfigFile{"{}"}.load();
    CHECK_FALSE(plain.research_pacs.tls);
    CHECK(plain.research_pacs.commitment == ResearchPacsConfig::Commitment::automatic);
}

TEST_CASE("a project of SITES has its own data and port")
{
    const ConfigFile file{R"({"ROOT": "/r", "DICOMPORT": 1000,
        "SITES": {"GLIOMA": {"DATADIR": "/data2", "DICOMPORT": "2000"}, "BARE": {"DATADIR": "/data3"}, "BAD": {}}})"};

    CHECK(file.load().paths.data == "/r/data");
    CHECK(file.load("GLIOMA").paths.data == "/r/data2");
    CHECK(file.load("GLIOMA").receiver.port == 2000);
    CHECK(file.load("BARE").receiver.port == 0); // never the port of another archive
    CHECK(file.load("GLIOMA").project == "GLIOMA");
    CHECK_THAT(file.complaint("BAD"), Contains("BAD") && Contains("DATADIR"));
    CHECK_THAT(file.complaint("NONE"), Contains("NONE") && Contains("SITES"));
    CHECK_THAT(ConfigFile{"{}"}.complaint("GLIOMA"), Contains("SITES"));
}

TEST_CASE("every complaint names the key")
{
    const auto [text, key] = GENERATE(table<std::string, std::string>({
        {R"({"DICOMPORT": "x"})", "DICOMPORT"},
        {R"({"DICOMPORT": 70000})", "DICOMPORT"},
        {R"({"DICOMPORT": -1})", "DICOMPORT"},
        {R"({"DICOMPORT": []})", "DICOMPORT"},
        {R"({"ROOT": {}})", "ROOT"},
        {R"({"ROOT": "relative"})", "ROOT"},
        {R"({"DATADIR": "relative"})", "DATADIR"},
        {R"({"PATHS": []})", "PATHS"},
        {R"({"PATHS": {"data": 1.5}})", "PATHS.data"},
        {R"({"PATHS": {"server": "x/y"}})", "PATHS.server"},
        {R"({"SITES": 1})", "SITES"},
        {R"({"REDCAP": "x"})", "REDCAP"},
        {R"({"REDCAP": {"timeout": "1s"}})", "REDCAP.timeout"},
        {R"({"RESEARCH_PACS": {"port": "104x"}})", "RESEARCH_PACS.port"},
        {R"({"RESEARCH_PACS": {"tls": {}}})", "RESEARCH_PACS.tls.ca_file"},
        {R"({"RESEARCH_PACS": {"tls": {"ca_file": "ca.crt"}}})", "RESEARCH_PACS.tls.ca_file"},
        {R"({"RESEARCH_PACS": {"tls": {"ca_file": "/c", "certificate": "/d"}}})",
         "RESEARCH_PACS.tls.private_key"},
        {R"({"RESEARCH_PACS": {"commitment": "yes"}})", "RESEARCH_PACS.commitment"},
        {R"({"RECEIVER": {"allowed_callers": "X"}})", "RECEIVER.allowed_callers"},
        {R"({"RECEIVER": {"allowed_callers": [1]}})", "RECEIVER.allowed_callers"},
        {R"({"RECEIVER": {"promiscuous": "maybe"}})", "RECEIVER.promiscuous"},
        {R"({"RECEIVER": {"transfer_syntaxes": "all"}})", "RECEIVER.transfer_syntaxes"},
        {R"({"RECEIVER": {"durability": true}})", "RECEIVER.durability"},
        {R"({"RECEIVER": {"soft_free_share": "nan"}})", "RECEIVER.soft_free_share"},
        {R"({"RECEIVER": {"soft_free_share": 1e400}})", "line 1"},
        {R"({"QUIETTIME": ""})", "QUIETTIME"},
        {"[]", "config"},
        {"{", "line 1"},
    }));
    CAPTURE(text);
    CHECK_THAT(ConfigFile{text}.complaint(), Contains(key));
}

TEST_CASE("a missing configuration says how to make one")
{
    const TempDir directory;

    CHECK_THROWS_WITH(Config::load(directory / "none.json"),
                      Contains("none.json") && Contains("fiona-config init"));
}

TEST_CASE("the time zone of the configuration is that of the process")
{
    const auto config = ConfigFile{R"({"LOCALTIMEZONE": "Europe/Oslo"})"}.load();

    CHECK(config.timezone == "Europe/Oslo");
    CHECK(std::string{::getenv("TZ")} == "Europe/Oslo");
    ::unsetenv("TZ");
    ::tzset();
}

TEST_CASE("the command line wins over the environment, the environment over the default")
{
    ::unsetenv("FIONA_CONFIG");
    CHECK(Config::default_path({}) == "/data/config/config.json");
    ::setenv("FIONA_CONFIG", "", 1);
    CHECK(Config::default_path({}) == "/data/config/config.json");
    ::setenv("FIONA_CONFIG", "/env.json", 1);
    CHECK(Config::default_path({}) == "/env.json");
    CHECK(Config::default_path("/option.json") == "/option.json");
    ::unsetenv("FIONA_CONFIG");
}

TEST_CASE("a file that is not shipped is missing, one that is, is found")
{
    const TempDir share;
    std::ofstream{share / "rules.json"} << "{}";
    ::setenv("FIONA_SHARE", share.path.c_str(), 1);

    CHECK(shipped_file("rules.json") == share / "rules.json");
    CHECK_THROWS_WITH(shipped_file("no-such-file"), Contains("no-such-file"));
    ::unsetenv("FIONA_SHARE");
}

TEST_CASE("a mail server and a server for files are read, the original's keys too")
{
    const ConfigFile file{
        R"({"SMTP": {"url": "smtp://mail.example.org", "from": "fiona@example.org", "tls": "none"},
        "SERVERUSER": "sender", "DAICSERVER": "files.example.org", "DAICVERIFY": "readback",
        "SFTP": {"remote": "up", "key_file": "/keys/one"},
        "SITES": {"GLIOMA": {"DATADIR": "/dataGLIOMA", "DAICSERVER": "other.example.org",
                             "SFTP": {"port": 2222, "verify": "size"}}}})"};

    const auto config = file.load();
    const auto project = file.load("GLIOMA");

    CHECK(config.smtp.tls == SmtpConfig::Tls::none);
    CHECK(config.smtp.url == "smtp://mail.example.org");
    CHECK(config.sftp.host == "files.example.org");
    CHECK(config.sftp.user == "sender");
    CHECK(config.sftp.verify == SftpConfig::Verify::readback);
    CHECK(config.sftp.known_hosts == "/data/config/known_hosts");
    CHECK(config.sftp.key_file == "/keys/one");
    CHECK(project.sftp.host == "other.example.org");
    CHECK(project.sftp.port == 2222);
    CHECK(project.sftp.user == "sender");
    CHECK(project.sftp.remote == "up");
    CHECK(project.sftp.verify == SftpConfig::Verify::size);
    CHECK_THAT(ConfigFile{R"({"SMTP": {"tls": "maybe"}})"}.complaint(), Contains("SMTP.tls"));
    CHECK_THAT(ConfigFile{R"({"SFTP": {"known_hosts": "here"}})"}.complaint(),
               Contains("SFTP.known_hosts"));
}
