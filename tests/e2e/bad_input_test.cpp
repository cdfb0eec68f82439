// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "tests/e2e/pipeline.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <algorithm>
#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using Catch::Contains;

namespace {

std::vector<std::string> error_lines(const Outcome& outcome)
{
    std::vector<std::string> lines;
    for (const auto line : split(outcome.err, '\n')) {
        if (line.find(" error ") != std::string_view::npos) {
            lines.emplace_back(line);
        }
    }
    return lines;
}

/// What an operator sees when something is wrong: one clear line, and the exit code that says who acts.
void check_refused(const Outcome& outcome, int exit_code, const std::string& words)
{
    INFO(outcome.err);
    CHECK(outcome.exit_code == exit_code);
    const auto lines = error_lines(outcome);
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines.front(), Contains(words));
}

fs::path one_study(const Pipeline& pipeline)
{
    const auto images = pipeline.scratch() / "images";
    make_phantoms(images, {"--set", "small", "--images", "3"});
    return images;
}

} // namespace

TEST_CASE("without a configuration every tool says so, names the place and exits with 78")
{
    const auto* const tool =
        GENERATE("fiona-storescp", "fiona-process-file", "fiona-detect-arrival",
                 "fiona-populate-incoming", "fiona-create-transfer-requests",
                 "fiona-anonymize-send", "fiona-config", "fiona-assign", "fiona-status");
    const std::map<std::string, std::vector<std::string>> verbs{{"fiona-storescp", {"status"}},
                                                                {"fiona-process-file", {"once"}},
                                                                {"fiona-config", {"show"}},
                                                                {"fiona-assign", {"projects"}},
                                                                {"fiona-status", {"why", "1.2.3"}}};
    auto arguments = verbs.contains(tool) ? verbs.at(tool) : std::vector<std::string>{};
    arguments.insert(arguments.end(), {"--config", "/nonexistent/config.json"});

    check_refused(run_tool(tool, arguments), EX_CONFIG, "no configuration at /nonexistent");
}

TEST_CASE("a configuration that is no JSON is refused with line and column")
{
    const TempDir directory;
    store::write_file(directory / "config.json", "{\n  \"ROOT\": \"/x\",\n}\n");

    const auto outcome =
        run_tool("fiona-config", {"show", "--config", (directory / "config.json").native()});

    check_refused(outcome, EX_CONFIG, "line 3, column 1");
}

TEST_CASE("operators' mistakes and dead peers: one line and the right exit code each")
{
    Pipeline pipeline;
    const auto& config = pipeline.config();
    REQUIRE(pipeline.send(one_study(pipeline)));
    REQUIRE(pipeline.settle(1));
    const auto study = fs::directory_iterator
    {
        config.paths.raw()
        } -> path().filename().native();
    const auto assign = [&](const std::string& project, const std::string& participant) {
        return pipeline.run("fiona-assign",
                            {"assign", study, "--project", project, "--participant", participant,
                             "--event", "Baseline", "--create-participant"});
    };

    SECTION("the receiver's port is in use")
    {
        pipeline.run("fiona-storescp", {"stop"});
        const Background other{
            {"storescp", "-od", pipeline.scratch().native(), std::to_string(config.receiver.port)},
            pipeline.scratch() / "other.log"};
        const auto answers = [&] {
            return Background{{"echoscu", "127.0.0.1", std::to_string(config.receiver.port)},
                              pipeline.scratch() / "echo.log"}
                       .wait()
                   == 0;
        };
        REQUIRE(eventually(answers));
        check_refused(pipeline.run("fiona-storescp", {"run"}), EX_TEMPFAIL,
                      std::to_string(config.receiver.port));
    }
    SECTION("a project that does not exist")
    {
        check_refused(assign("NOSUCH", "DEMO_001"), EX_NOINPUT, "NOSUCH");
    }
    SECTION("a participant against the project's pattern")
    {
        check_refused(assign("DEMO", "OTHER_1"), EX_DATAERR, "pattern");
    }
    SECTION("REDCap is down: nothing is written, the next run does it")
    {
        pipeline.run("fiona-redcapd", {"stop"});
        const auto outcome = assign("DEMO", "DEMO_001");
        CHECK(outcome.exit_code == EX_TEMPFAIL);
        CHECK(error_lines(outcome).size() == 1);
        pipeline.start_daemons();
        CHECK(assign("DEMO", "DEMO_001").exit_code == EX_OK);
    }
    SECTION("REDCap refuses the token")
    {
        auto tokens = read_file(config.redcap.tokens_file);
        std::ranges::replace_if(
            tokens, [](char c) { return c >= '0' && c <= '9'; }, 'F');
        store::write_file(config.redcap.tokens_file, tokens, 0600);
        check_refused(pipeline.run("fiona-assign", {"projects"}), EX_NOPERM, "token");
    }
    SECTION("the research PACS is down: the request waits and goes out later")
    {
        REQUIRE(assign("DEMO", "DEMO_001").exit_code == EX_OK);
        pipeline.run("fiona-create-transfer-requests");
        pipeline.stop_pacs();
        const auto outcome = pipeline.run("fiona-anonymize-send");
        INFO(outcome.err);
        CHECK((outcome.exit_code == EX_UNAVAILABLE || outcome.exit_code == EX_TEMPFAIL));
        CHECK_FALSE(fs::is_empty(config.paths.requests()));
        pipeline.start_pacs();
        REQUIRE(pipeline.transfer_all());
        CHECK(pipeline.in_pacs().size() == 1);
    }
}

TEST_CASE("a directory of files that are no DICOM is set aside file by file, exit 65")
{
    const TempDir directory;
    fs::create_directory(directory / "in");
    for (const auto* const name : {"letter.txt", "page.html", "empty"}) {
        std::ofstream{directory / "in" / name} << (std::string{name} == "empty" ? "" : "no image");
    }

    const auto outcome = run_tool(
        "fiona-anonymize", {"-i", (directory / "in").native(), "-o", (directory / "out").native(),
                            "-j", "DEMO", "-p", "DEMO_001", "--uid-scheme", "compat-dec",
                            "--report", (directory / "report.json").native()});

    INFO(outcome.err);
    CHECK(outcome.exit_code == EX_DATAERR);
    // A name may be a patient's: the log counts the files, the report (mode 0600) names them.
    CHECK_THAT(outcome.err, Contains("input file 1") && Contains("input file 3"));
    const auto report = read_file(directory / "report.json");
    for (const auto* const name : {"letter.txt", "page.html", "empty"}) {
        CHECK_THAT(outcome.err, !Contains(name));
        CHECK_THAT(report, Contains(name));
        CHECK(fs::exists(directory / "in" / name));
    }
}

TEST_CASE("a truncated object among good ones is set aside, the good ones are de-identified")
{
    const TempDir directory;
    const auto images = directory / "in";
    make_phantoms(images, {"--set", "small", "--images", "2"});
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{images}) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    REQUIRE(files.size() == 2);
    fs::resize_file(files.front(), fs::file_size(files.front()) / 2);

    const auto outcome = run_tool(
        "fiona-anonymize", {"-i", images.native(), "-o", (directory / "out").native(), "-j", "DEMO",
                            "-p", "DEMO_001", "--uid-scheme", "compat-dec", "--json"});

    INFO(outcome.err);
    CHECK(outcome.exit_code == EX_DATAERR);
    std::size_t written = 0;
    for (const auto& entry : fs::recursive_directory_iterator{directory / "out"}) {
        written += entry.path().extension() == ".dcm" ? 1U : 0U;
    }
    CHECK(written == 1);
    CHECK(fs::exists(files.front()));
}

TEST_CASE("a UID that would leave its directory is a wrong argument, not a path")
{
    Pipeline pipeline;
    for (const auto* const text : {"../../etc/passwd", "1.2/../3", "1.2.3\n4"}) {
        const auto outcome = pipeline.run(
            "fiona-assign", {"assign", text, "--project", "DEMO", "--participant", "DEMO_001"});
        INFO(outcome.err);
        CHECK((outcome.exit_code == EX_DATAERR || outcome.exit_code == EX_USAGE));
        CHECK(fs::is_empty(pipeline.config().paths.requests()));
    }
}
