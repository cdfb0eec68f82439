// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/run_tool.h"
#include "tests/support/shipped_files.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <map>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

class Bench {
public:
    [[nodiscard]] std::string root() const { return m_directory / "site"; }
    [[nodiscard]] std::string config_file() const { return root() + "/data/config/config.json"; }

    [[nodiscard]] Outcome run(const std::vector<std::string>& arguments) const
    {
        return run_tool("fiona-config", arguments, m_shipped.environment());
    }
    [[nodiscard]] Outcome init() const { return run({"init", "--root", root()}); }
    [[nodiscard]] Outcome demo() const { return run({"init", "--root", root(), "--demo"}); }
    [[nodiscard]] Outcome kill_init(const std::function<bool()>& condition) const
    {
        return run_tool_and_kill("fiona-config", {"init", "--root", root()},
                                 m_shipped.environment(), condition);
    }

    /// Every file below the root with its content.
    [[nodiscard]] std::map<std::string, std::string> snapshot() const
    {
        std::map<std::string, std::string> content;
        for (const auto& entry : fs::recursive_directory_iterator{root()}) {
            if (entry.is_regular_file()) {
                content[entry.path().native()] = read_file(entry.path());
            }
        }
        return content;
    }

private:
    TempDir m_directory;
    ShippedFiles m_shipped;
};

} // namespace

TEST_CASE("fiona-config: init makes a site that show can read")
{
    const Bench bench;

    const auto init = bench.init();
    CHECK(init.exit_code == EX_OK);
    CHECK_THAT(init.out, Contains("made " + bench.config_file()));
    CHECK(fs::exists(bench.root() + "/crontab"));

    const auto show = bench.run({"show", "--config", bench.config_file(), "--json"});
    CHECK(show.exit_code == EX_OK);
    CHECK(json::parse(show.out, "show").find("PATHS")->text("raw")
          == bench.root() + "/data/site/raw");
}

TEST_CASE("fiona-config: a second init keeps everything and says so")
{
    const Bench bench;
    static_cast<void>(bench.init());
    const auto before = bench.snapshot();

    const auto second = bench.init();

    CHECK(second.exit_code == EX_OK);
    CHECK(bench.snapshot() == before);
    CHECK_THAT(second.out, Contains("kept " + bench.config_file()) && !Contains("made "));
}

TEST_CASE("fiona-config: a dry run of init makes nothing")
{
    const Bench bench;

    const auto run = bench.run({"init", "--root", bench.root(), "--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would make "));
    CHECK(!fs::exists(bench.root()));
}

TEST_CASE("fiona-config: a directory with something else in it is refused with the remedy")
{
    const Bench bench;
    fs::create_directories(bench.root());
    store::write_file(bench.root() + "/thesis.txt", "years");

    const auto run = bench.init();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("name a new or empty directory"));
    CHECK(bench.snapshot().size() == 1);
}

TEST_CASE("fiona-config: check names each broken part among the good ones")
{
    const Bench bench;
    static_cast<void>(bench.init());

    const auto run = bench.run({"check", "--config", bench.config_file()});

    // A new site has no addresses yet: these are the first failures.
    CHECK(run.exit_code == EX_CONFIG);
    CHECK_THAT(run.out, Contains("FAIL  research PACS: no address")
                            && Contains("FAIL  REDCap: no address")
                            && Contains("ok    directories are there"));
}

TEST_CASE("fiona-config: check finds a mistake in whatever a tool reads, and says where it is")
{
    struct Mistake {
        const char* file; ///< below data/config, or a key of config.json
        const char* content;
        const char* said;
    };
    const auto& [file, content, said] = GENERATE(values<Mistake>({
        {"classifyRules.json",
         "[\n  {\"type\": \"A\", \"rules\": [{\"tag\": [\"Modalty\"], \"value\": \"MR\"}]}\n]",
         "line 2, column 35: object 1: rules[0].tag: Modalty is neither"},
        {"classifyRules.json",
         "[\n  {\"type\": \"A\", \"rules\": [{\"tag\": [\"Modality\"], \"operator\": \"lik\", "
         "\"value\": \"MR\"}]}\n]",
         "line 2, column 61: object 1: rules[0].operator: unknown"},
        {"classifyRules.json", "[\n  {\"type\": \"A\",, \"rules\": []}\n]",
         "line 2, column 16: not JSON"},
        {"profile.csv",
         "tag,keyword,vr,basic,options,action\n00080060,Modality,CS,,,K\n00080060,Modality,CS,,,"
         "X\n",
         "profile.csv:3:1: line 2 says something else"},
        {"profile.csv", "tag,keyword,vr,basic,options,action\n00080060,Modality,CS,,,KEPE\n",
         "profile.csv:2:24: KEPE is no action"},
        {"safe-private.csv", "creator,group,element\nACME,0028,10\n", "safe-private.csv:2:6: "},
        {"projects.json", R"({"DEMO": {"documents": "perhaps"}})", "FAIL  project DEMO"},
        {"pixel-regions.json", R"([{"match": {"Manufaktur": "A"}, "clean": true}])",
         "pixel-regions.json: \"Manufaktur\" is no keyword"},
        {"assign-groups.json", R"({"radiology": "DEMO"})", "FAIL  "},
        {"exports.json", R"({"plain": {"layout": "{NoSuchField}"}})",
         "FAIL  EXPORT and the types of packages"},
        {"users.json", "[", "FAIL  TRIGGERS, links and users"},
        {"workflows.json", "[", "FAIL  jobs"},
        {"EXPORT", R"({"compression": "zip"})", "config: EXPORT.compression must be"},
        {"INVENTORY", R"({"max_delete": "few"})", "config: INVENTORY.max_delete must be"},
        {"PROCESSED", R"({"command_deadline": "soon"})",
         "config: PROCESSED.command_deadline must be"},
        {"TRIGGERS", R"({"time_limit": "soon"})", "config: TRIGGERS"},
    }));
    CAPTURE(file, content);
    const Bench bench;
    static_cast<void>(bench.init());
    const auto check = [&] { return bench.run({"check", "--config", bench.config_file()}); };
    const auto before = check();
    const auto failures = [](const std::string& text) {
        std::size_t count = 0;
        for (auto at = text.find("FAIL  "); at != std::string::npos;
             at = text.find("FAIL  ", at + 1)) {
            ++count;
        }
        return count;
    };

    if (const fs::path path{file}; path.has_extension()) {
        store::write_file(fs::path{bench.config_file()}.replace_filename(path), content, 0600);
    } else {
        auto config = json::parse(read_file(bench.config_file()), "config").object();
        config[file] = json::parse(content, "value");
        store::write_file(bench.config_file(), json::write(config));
    }
    const auto run = check();

    CHECK(run.exit_code == EX_CONFIG);
    CHECK_THAT(run.out, Contains(said));
    CHECK(failures(run.out) == failures(before.out) + 1);
}

TEST_CASE("fiona-config: check of a broken configuration is a line and exit 78")
{
    const Bench bench;
    static_cast<void>(bench.init());
    store::write_file(bench.config_file(), "{\"ROOT\": ");

    const auto run = bench.run({"check", "--config", bench.config_file()});

    CHECK(run.exit_code == EX_CONFIG);
    CHECK_THAT(run.out, Catch::Matchers::StartsWith("FAIL  "));
}

TEST_CASE("fiona-config: a bad command line is 64")
{
    const Bench bench;

    CHECK(bench.run({}).exit_code == EX_USAGE);
    CHECK(bench.run({"init"}).exit_code == EX_USAGE);
    CHECK(bench.run({"init", "--root", bench.root(), "--nonsense"}).exit_code == EX_USAGE);
    CHECK(!fs::exists(bench.root()));
}

TEST_CASE("fiona-config: an init that was killed is completed by the next one")
{
    const auto* const moment = GENERATE("data", "data/config", "data/config/config.json",
                                        "data/site/raw", "home/processing/state", "crontab");
    CAPTURE(moment);
    const Bench bench;
    const auto reached = fs::path{bench.root()} / moment;

    static_cast<void>(bench.kill_init([&] { return fs::exists(reached); }));
    const auto again = bench.init();

    CHECK(again.exit_code == EX_OK);
    CHECK_NOTHROW(Config::load(bench.config_file()));
    CHECK(fs::exists(bench.root() + "/crontab"));
    CHECK(fs::exists(bench.root() + "/data/config/redcap.tokens"));
    CHECK(bench.init().out.find("made ") == std::string::npos);
}

TEST_CASE("fiona-config: a demo has a REDCap with its project, and a second init keeps it all")
{
    const Bench bench;

    const auto first = bench.demo();
    CAPTURE(first.err);
    REQUIRE(first.exit_code == EX_OK);
    const auto config = Config::load(bench.config_file());
    const auto config_text = read_file(bench.config_file());
    const auto tokens = read_file(config.redcap.tokens_file);
    CHECK_THAT(read_file(config.paths.config() / "dcmqrscp.cfg"),
               Contains(std::to_string(config.research_pacs.port)));
    CHECK_THAT(read_file(bench.root() + "/crontab"),
               Contains("\n* * * * * ") && Contains("/fiona-redcapd start"));

    const auto second = bench.demo();
    CAPTURE(second.err);
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.out, !Contains("made "));
    CHECK(read_file(bench.config_file()) == config_text);
    CHECK(read_file(config.redcap.tokens_file) == tokens);
    // What it printed and logged holds no token.
    for (const auto& line : {first.out + first.err, second.out + second.err}) {
        for (std::size_t at = tokens.find('='); at != std::string::npos;
             at = tokens.find('=', at + 1)) {
            const auto token = tokens.substr(at + 2, 16);
            CHECK(line.find(token) == std::string::npos);
        }
    }
}
