// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A small source tree that every check accepts.
class Tree {
public:
    Tree()
    {
        put("libfiona/base/error.h", "#pragma once\n#include <fmt/core.h>\n");
        put("libfiona/store/spool.h", "#pragma once\n#include \"libfiona/base/error.h\"\n");
        put("libfiona/store/spool.cpp",
            "#include \"libfiona/store/spool.h\"\n#include <rapidjson/reader.h>\n"
            "// never std::cout here, nor printf(\nconst char* text = \"printf(std::cerr)\";\n");
        put("libfiona/cli/tool.h", "#pragma once\n#include <CLI/CLI.hpp>\n");
        put("libfiona/cli/tool.cpp", "int out = STDOUT_FILENO;\n");
        put("tools/fiona-x.cpp", "#include \"libfiona/cli/tool.h\"\n");
    }
    void put(const std::string& name, const std::string& text) const
    {
        const auto file = m_directory.path / name;
        make_directories(file.parent_path());
        std::ofstream{file} << text;
    }
    void put_program(const std::string& name, const std::string& text) const
    {
        put(name, text);
        ::chmod(path(name).c_str(), 0755);
    }
    [[nodiscard]] std::string path(const std::string& name = {}) const
    {
        return name.empty() ? m_directory.path : m_directory.path / name;
    }

private:
    TempDir m_directory;
};

Finished check(const std::string& script, const std::vector<std::string>& arguments)
{
    Command command;
    command.arguments = {FIONA_SOURCE_DIR "/scripts/" + script};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    return run(command);
}

} // namespace

TEST_CASE("the checks accept a tree without fault")
{
    const Tree tree;
    const auto* const script = GENERATE("check-layers", "check-no-print", "check-names");
    CAPTURE(script);

    const auto finished = check(script, {tree.path()});

    CHECK(finished.out.empty());
    CHECK(finished.exit_code == 0);
}

TEST_CASE("the checks of the library do not accept a tree without one")
{
    const TempDir empty;
    CHECK(check("check-layers", {empty.path}).exit_code == 1);
    CHECK(check("check-no-print", {empty.path}).exit_code == 1);
}

TEST_CASE("check-layers sees an arrow that turns around, and libraries behind headers")
{
    const auto [file, line] = GENERATE(table<std::string, std::string>(
        {{"libfiona/base/a.cpp", "#include \"libfiona/store/spool.h\""},
         {"libfiona/store/a.cpp", "#include \"libfiona/redcap/client.h\""},
         {"libfiona/store/a.h", "#include \"libfiona/cli/tool.h\""},
         {"libfiona/routing/a.cpp", "#include \"libfiona/ingest/a.h\""},
         {"libfiona/ingest/a.cpp", "#include \"libfiona/status/a.h\""},
         {"libfiona/site/a.cpp", "#include \"libfiona/transfer/a.h\""},
         {"libfiona/util/a.cpp", "int a;"},
         {"libfiona/store/a.cpp", "#include \"libfiona/util/a.h\""},
         {"libfiona/store/a.cpp", "#include \"tests/support/temp_dir.h\""},
         {"libfiona/dicom/a.h", "#include <dcmtk/dcmdata/dctk.h>"},
         {"libfiona/base/a.h", "  #  include <rapidjson/reader.h>"},
         {"libfiona/redcap/a.h", "#include <curl/curl.h>"},
         {"libfiona/redcapd/a.h", "#include <httplib.h>"},
         {"libfiona/redcapd/a.h", "#include <sqlite3.h>"},
         {"libfiona/routing/a.h", "#include <re2/re2.h>"},
         {"libfiona/base/a.cpp", "#include <CLI/CLI.hpp>"}}));
    CAPTURE(file, line);
    const Tree tree;
    tree.put(file, "// first line\n" + line + "\n");

    const auto finished = check("check-layers", {tree.path()});

    CHECK(finished.exit_code == 1);
    CHECK_THAT(finished.out, Contains(file));
}

TEST_CASE("check-layers lets arrows go down")
{
    const auto [file, line] = GENERATE(table<std::string, std::string>(
        {{"libfiona/routing/a.cpp", "#include \"libfiona/redcap/client.h\""},
         {"libfiona/ingest/a.cpp", "#include \"libfiona/pacs/sender.h\""},
         {"libfiona/status/a.h", "#include \"libfiona/store/spool.h\""},
         {"libfiona/site/a.cpp", "#include \"libfiona/site/b.h\""},
         {"libfiona/dicom/a.cpp", "#include <dcmtk/dcmdata/dctk.h>"},
         {"tools/fiona-y.cpp", "#include \"libfiona/transfer/a.h\""}}));
    const Tree tree;
    tree.put(file, line);

    CHECK(check("check-layers", {tree.path()}).exit_code == 0);
}

TEST_CASE("check-no-print sees every way to print, to exit and to start a shell")
{
    const auto* const line =
        GENERATE("std::cout << 1;", "std::cerr << 1;", "printf(\"x\");", "::fprintf(f, \"x\");",
                 "fmt::print(\"x\");", "puts(\"x\");", "int fd = STDERR_FILENO;", "std::exit(1);",
                 "exit(1);", "::system(\"ls\");", "popen(\"ls\", \"r\");", "std::regex r;",
                 "sprintf(b, \"x\");", "fputs(\"x\", stdout);");
    CAPTURE(line);
    const Tree tree;
    tree.put("libfiona/store/bad.cpp", std::string{"void f()\n{\n    "} + line + "\n}\n");

    const auto finished = check("check-no-print", {tree.path()});

    CHECK(finished.exit_code == 1);
    CHECK_THAT(finished.out, Contains("libfiona/store/bad.cpp:3:"));
}

TEST_CASE("check-no-print lets words of ours pass")
{
    const auto* const line =
        GENERATE("row.exit_code = 1;", "::_exit(1);", "blueprint(x);", "job.system(x);",
                 "/* std::cout */ int a;", "auto s = R\"(printf(1))\";");
    CAPTURE(line);
    const Tree tree;
    tree.put("libfiona/store/good.cpp", line);

    const auto finished = check("check-no-print", {tree.path()});

    CHECK(finished.out.empty());
    CHECK(finished.exit_code == 0);
}

TEST_CASE("check-names sees secrets, places and people, and shows no secret")
{
    // Put together here, so that the check does not find this file.
    const std::string half{"0123456789ABCDEF"};
    // The last one would belong to somebody born in 1855.
    for (const auto& text :
         {half + half, std::string{"-----BEGIN"} + " RSA PRIVATE KEY-----",
          std::string{"see /"} + "root/notes.txt", std::string{"see /"} + "home/somebody/x",
          std::string{"kari"} + "@sykehus.no", std::string{"010155"} + "50089"}) {
        CAPTURE(text);
        const Tree tree;
        tree.put("docs/page.md", "first line\n" + text + "\n");

        const auto finished = check("check-names", {tree.path()});

        CHECK(finished.exit_code == 1);
        CHECK_THAT(finished.out, Contains("docs/page.md:2:") && !Contains(half));
    }
}

TEST_CASE("check-names lets synthetic names pass")
{
    const auto* const text =
        GENERATE("jane@example.org", "root@localhost", "/home/processing/logs", "12345678901",
                 "1.2.826.0.1.3680043.10.999.12345678901",
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CAPTURE(text);
    const Tree tree;
    tree.put("docs/page.md", text);

    CHECK(check("check-names", {tree.path()}).exit_code == 0);
}

TEST_CASE("check-help-man compares both ways, through sub-commands")
{
    const Tree tree;
    tree.put_program(
        "tool",
        "#!/bin/sh\n"
        "if [ \"$1\" = list ]; then printf 'Options:\\n  -h,--help  help\\n  -a,--all  all\\n'\n"
        "else printf 'A tool\\nOptions:\\n  -h,--help  help\\n  --config TEXT  file\\n"
        "  -n,--dry-run  dry\\n\\nSubcommands:\\n  list  list them\\n'; fi\n");
    const std::string good{".It Fl n , Fl -dry-run\n.It Fl a , Fl -all\n.Xr fiona 7\n"};
    const auto with_page = [&](const std::string& page) {
        tree.put("tool.1", page);
        return check("check-help-man", {tree.path("tool"), tree.path("tool.1")});
    };

    CHECK(with_page(good).out.empty());
    CHECK(with_page(good).exit_code == 0);
    CHECK_THAT(with_page(".It Fl a , Fl -all\n.Xr fiona 7\n").out,
               Contains("--dry-run of --help is not in the man page") && Contains("-n of --help"));
    CHECK_THAT(with_page(".It Fl n , Fl -dry-run\n.Xr fiona 7\n").out, Contains("--all of --help"));
    CHECK_THAT(with_page(".It Fl n , Fl -dry-run\n.It Fl a , Fl -all\n").out,
               Contains("--config of --help"));
    CHECK_THAT(with_page(good + ".It Fl -gone Ar X\n").out, Contains("--gone is not in --help"));
    CHECK(with_page(good + ".It Fl -gone Ar X\n").exit_code == 1);
    CHECK(check("check-help-man", {tree.path("tool"), tree.path("none.1")}).exit_code == 1);

    tree.put("tool.1", good);
    const auto with_completion = [&](const std::string& text) {
        tree.put("completion", text + "complete -F _fiona tool\n");
        return check("check-help-man",
                     {tree.path("tool"), tree.path("tool.1"), tree.path("completion")});
    };
    CHECK(with_completion(read_file(FIONA_SOURCE_DIR "/share/completions/fiona")).out.empty());
    const auto wrong =
        with_completion("_fiona() { COMPREPLY=(--help --config --dry-run --al); }\n");
    CHECK(wrong.exit_code == 1);
    CHECK_THAT(wrong.out, Contains("completion: list --all is missing")
                              && Contains("completion: list is missing")
                              && Contains("completion: list --al is not in --help"));
}

TEST_CASE(
    "check-units sees a unit without its walls, one that systemd refuses, and a lost place-holder")
{
    const std::string good{FIONA_SOURCE_DIR "/share/systemd/fiona-storescp.service"};
    const Tree tree;
    tree.put_program("bin/fiona-storescp", "#!/bin/sh\n");
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = read_file(good);
        const auto at = text.rfind(from); // not the comment
        REQUIRE(at != std::string::npos);
        tree.put("units/fiona-storescp.service", text.replace(at, from.size(), to));
        return check("check-units", {tree.path("units"), tree.path("bin")});
    };
    if (const auto untouched = with("[Install]", "[Install]");
        untouched.exit_code == skipped_exit_code) {
        skip(trimmed(untouched.out.substr(untouched.out.find(' '))));
        return;
    } else {
        CHECK(untouched.out.empty());
        CHECK(untouched.exit_code == 0);
    }

    CHECK(with("NoNewPrivileges=yes", "").exit_code == 1);
    CHECK(with("Restart=on-failure", "Restart=sometimes").exit_code == 1);
    CHECK(with("MemoryMax=", "MemoryMost=").exit_code == 1);
    CHECK(with("UMask=0027", "UMask=banana").exit_code == 1);
    CHECK_THAT(with("@DATA@", "@DATE@").out, !Contains("SKIPPED") && Contains("place-holder"));
    CHECK(with("@BIN@", "/no/such").exit_code == 1);
}

TEST_CASE("the package depends on every library that is loaded by its name")
{
    const auto rules = read_file(FIONA_SOURCE_DIR "/share/debian/package.cmake");
    constexpr std::string_view call{"{\"lib"}; // of a SharedLibrary
    std::size_t found = 0;
    for (const auto& entry :
         fs::recursive_directory_iterator{fs::path{FIONA_SOURCE_DIR} / "libfiona"}) {
        const auto text = entry.is_regular_file() ? read_file(entry.path()) : std::string{};
        for (auto at = text.find(call); at != std::string::npos; at = text.find(call, at + 1)) {
            const auto begin = at + call.size() - 3;
            auto package = text.substr(begin, text.find('"', begin) - begin); // libname.so.5
            const auto version = package.find(".so.");
            if (version == std::string::npos) {
                continue;
            }
            package.erase(version, 4);
            CAPTURE(entry.path(), package);
            CHECK(rules.find(package + ",") != std::string::npos);
            ++found;
        }
    }
    CHECK(found >= 3);
}

TEST_CASE("the de-identification statement is what its script makes of the tables, and no other")
{
    const std::string script{"make-deidentification-statement"};
    const auto shipped = read_file(FIONA_SOURCE_DIR "/man/fiona-deidentification.7");
    const Tree tree;
    tree.put("same.7", shipped);
    const std::string row{"0010,0030 Ta emptied"};
    const auto at = shipped.find(row);
    REQUIRE(at != std::string::npos);
    tree.put("other.7", std::string{shipped}.replace(at, row.size(), "0010,0030 Ta kept"));

    CHECK(check(script, {}).out == shipped);
    CHECK(check(script, {"--check", tree.path("same.7")}).exit_code == 0);
    const auto other = check(script, {"--check", tree.path("other.7")});
    CHECK(other.exit_code == 1);
    CHECK_THAT(other.out, Contains("0010,0030"));
}

namespace {

std::string cut(std::string text, const std::string& part, const std::string& by)
{
    const auto at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), by);
}

/// A list of 76 cases with a test for each, and the results of a run in which all passed.
struct FaultCases {
    FaultCases()
    {
        for (int number = 1; number <= all; ++number) {
            cases +=
                fmt::format("[{0}] case\n  done: x\n  seen: y\n  by: suite: test {0}\n", number);
            results += fmt::format("<testcase name=\"suite:test {}\" status=\"run\"/>\n", number);
        }
        tree.put_program("build/tests/suite",
                         "#!/bin/sh\nfor i in $(seq 76); do echo \"test $i\"; done\n");
        tree.put_program("build/tests/e2e_faults", "#!/bin/sh\n");
    }
    [[nodiscard]] Finished report(const std::string& option, const std::string& run,
                                  const std::string& rows) const
    {
        tree.put("cases.txt", cases);
        tree.put("results.xml", run + "</testsuite>\n");
        tree.put("rows.txt", rows);
        std::vector<std::string> words{"--build", tree.path("build"), "--cases",
                                       tree.path("cases.txt"), option};
        if (option == "--results") {
            words.insert(words.end(), {tree.path("results.xml"), "--rows", tree.path("rows.txt")});
        }
        return check("fault-report", words);
    }

    static constexpr int all = 76;
    Tree tree;
    std::string cases;
    std::string results = "<testsuite>\n";
};

/// The ninth test was not run: ctest's word for it, and what the test said.
std::string with_skip(const std::string& results, const std::string& message,
                      const std::string& said)
{
    return cut(results, "test 9\" status=\"run\"/>",
               "test 9\" status=\"notrun\"><skipped message=\"SKIP_" + message + "\"/><system-out>"
                   + said + "\n</system-out></testcase>");
}

} // namespace

TEST_CASE("fault-report counts the rows of the table of faults, and what failed beside them")
{
    FaultCases bench;
    const std::string table{"e2e_faults: every case"};
    bench.cases = cut(bench.cases, "suite: test 3\n", "suite: test 3\n  by: " + table + "\n");
    CHECK_THAT(bench.report("--check", "", "").out, Contains("case 3 does not say how many rows"));
    bench.cases = cut(bench.cases, table + "\n", table + "\n  rows: 2\n");
    bench.cases = cut(bench.cases, "suite: test 4\n", table + "\n  rows: 1\n");
    CHECK(bench.report("--check", "", "").exit_code == 0);
    const std::string both{"case  3 ok      a\ncase  3 ok      b\n"};
    const std::string four{"case  4 ok      c\n"};
    const auto report = [&](const std::string& status, const std::string& rows) {
        return bench.report(
            "--results",
            bench.results + "<testcase name=\"e2e_faults: every case\" status=\"" + status, rows);
    };
    const auto passed = [&](const std::string& rows) { return report("run\"/>", rows); };
    const auto failed = [&](const std::string& rows) { return report("fail\"/>", rows); };

    const auto good = passed(both + four + "3 rows, 0 failures beside them\n");
    CHECK(good.exit_code == 0);
    CHECK_THAT(good.out,
               Contains("76 of 76 pass\n") && Contains("2 rows of e2e_faults and 1 test"));
    // One of two rows, or none at all.
    const auto one = passed("case  3 ok      a\n" + four);
    CHECK(one.exit_code == 1);
    CHECK_THAT(one.out, Contains("- 3: 1 rows of 2: ") && Contains("75 of 76 pass\n"));
    CHECK_THAT(passed("").out, Contains("- 3: no row: ") && Contains("74 of 76 pass\n"));
    // A row that failed is of its case; what failed beside the rows may belong to any.
    const auto bad_row = failed(both + "case  4 FAILED  c\n3 rows, 0 failures beside them\n");
    CHECK(bad_row.exit_code == 1);
    CHECK_THAT(bad_row.out, Contains("75 of 76 pass\n") && Contains("- 4: failed: "));
    for (const auto& end :
         {"3 rows, 1 failures beside them\n", "3 rows, 0 failures beside them\n", ""}) {
        const auto beside = failed(both + four + end);
        CHECK(beside.exit_code == 1);
        CHECK_THAT(beside.out, Contains("74 of 76 pass\n"));
    }
    // What cannot be shown here is told apart.
    const auto skipped = report("notrun\"><skipped message=\"SKIP_RETURN_CODE=77\"/></testcase>",
                                both + "case  4 SKIPPED no root\n");
    CHECK(skipped.exit_code == 0);
    CHECK_THAT(skipped.out,
               Contains("75 of 76 pass, 1 skipped\n") && Contains("- 4: skipped: no root: "));
}

TEST_CASE("fault-report sees a case that is missing, a test that is not there, and one that failed")
{
    FaultCases bench;
    auto& cases = bench.cases;
    const auto report = [&](const std::string& option, const std::string& results) {
        return bench.report(option, results, "");
    };

    CHECK(report("--check", "").exit_code == 0);
    const auto good = report("--results", bench.results);
    CHECK(good.exit_code == 0);
    CHECK_THAT(good.out, Contains("76 of 76 pass\n"));

    const auto failed = report(
        "--results", cut(bench.results, "test 7\" status=\"run\"", "test 7\" status=\"fail\""));
    CHECK(failed.exit_code == 1);
    CHECK_THAT(failed.out, Contains("75 of 76 pass") && Contains("- 7: failed: suite: test 7\n"));
    const auto skipped =
        report("--results", with_skip(bench.results, "RETURN_CODE=77", "SKIPPED: no root"));
    CHECK(skipped.exit_code == 0);
    CHECK_THAT(skipped.out, Contains("75 of 76 pass, 1 skipped\n")
                                && Contains("- 9: skipped: no root: suite: test 9\n"));
    for (const auto& [message, words] :
         {std::pair{"RETURN_CODE=77", ""}, std::pair{"UNABLE_TO_RUN", "SKIPPED: no root"}}) {
        const auto unknown = report("--results", with_skip(bench.results, message, words));
        CHECK(unknown.exit_code == 1);
        CHECK_THAT(unknown.out, Contains("| not shown |") && Contains("75 of 76 pass\n"));
    }
    const auto left_out = report(
        "--results", cut(bench.results, "<testcase name=\"suite:test 5\" status=\"run\"/>\n", ""));
    CHECK(left_out.exit_code == 1);
    CHECK_THAT(left_out.out, Contains("- 5: not run: suite: test 5\n"));

    cases = cut(cases, "test 76", "test 77");
    CHECK_THAT(report("--check", "").out, Contains("there is no test 'suite: test 77'"));
    cases = cut(cases, "  by: suite: test 3\n", "");
    CHECK_THAT(report("--check", "").out, Contains("case 3 has no test"));
    cases = cases.substr(0, cases.find("[76]"));
    const auto missing = report("--check", "");
    CHECK(missing.exit_code == 1);
    CHECK_THAT(missing.out, Contains("there are 75 cases"));
}
