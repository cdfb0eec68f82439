// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <thread>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

void write_image(const fs::path& file, int number)
{
    DcmFileFormat format;
    auto& data = *format.getDataset();
    const auto instance = "1.2.752.24.6.1." + std::to_string(number);
    data.putAndInsertString(DCM_SOPClassUID, UID_MRImageStorage);
    data.putAndInsertString(DCM_SOPInstanceUID, instance.c_str());
    data.putAndInsertString(DCM_StudyInstanceUID, "1.2.752.24.6.2");
    data.putAndInsertString(DCM_SeriesInstanceUID, "1.2.752.24.6.3");
    data.putAndInsertString(DCM_Modality, "MR");
    data.putAndInsertString(DCM_PatientName, "Fjellvik^Signe");
    data.putAndInsertString(DCM_PatientID, "PID4711X");
    data.putAndInsertString(DCM_StudyDate, "20240120");
    data.putAndInsertString(DCM_StudyDescription, "MR Fjellvik brain");
    const std::vector<Uint16> pixels(64 * 64, 7);
    data.putAndInsertUint16Array(DCM_PixelData, pixels.data(), pixels.size());
    REQUIRE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
}

/// A directory with an input of `count` images and a key.
struct Site {
    explicit Site(int count)
    {
        fs::create_directory(root / "in");
        for (int i = 0; i < count; ++i) {
            write_image(root / "in" / (std::to_string(i) + ".dcm"), i);
        }
        store::write_file(root / "key", std::string(32, 'k'), 0600);
    }

    [[nodiscard]] std::vector<std::string> arguments(const char* output,
                                                     std::vector<std::string> more = {}) const
    {
        std::vector<std::string> words{"-i",         root / "in",  "-o", root / output,
                                       "-j",         "GLIOMA",     "-p", "GLI_001",
                                       "--key-file", root / "key", "-b"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }

    TempDir root;
};

std::vector<std::pair<std::string, std::string>> tree(const fs::path& directory)
{
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file()) {
            files.emplace_back(fs::relative(entry.path(), directory), read_file(entry.path()));
        }
    }
    std::ranges::sort(files);
    return files;
}

} // namespace

TEST_CASE("fiona-anonymize: writes de-identified files and says how many")
{
    const Site site{3};

    const auto run = run_tool("fiona-anonymize", site.arguments("out", {"-e", "baseline", "-m"}));

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("written  3"));
    const auto files = tree(site.root / "out");
    CHECK(files.size() == 4);
    for (const auto& [name, bytes] : files) {
        CHECK(bytes.find("Fjellvik") == std::string::npos);
        CHECK(bytes.find("PID4711X") == std::string::npos);
    }
    struct stat status {};
    REQUIRE(::stat((site.root / "out" / "mapping.json").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
    CHECK((run.out + run.err).find("Fjellvik") == std::string::npos);
}

TEST_CASE("fiona-anonymize: a second run into another directory gives the same bytes")
{
    const Site site{5};

    const auto first = run_tool("fiona-anonymize", site.arguments("one"));
    const auto second = run_tool("fiona-anonymize", site.arguments("two", {"-t", "1"}));

    CHECK(first.exit_code == EX_OK);
    CHECK(second.exit_code == EX_OK);
    CHECK(tree(site.root / "one") == tree(site.root / "two"));
}

TEST_CASE("fiona-anonymize: a second run into the same directory changes nothing and says why")
{
    const Site site{2};
    REQUIRE(run_tool("fiona-anonymize", site.arguments("out")).exit_code == EX_OK);
    const auto before = tree(site.root / "out");

    const auto run = run_tool("fiona-anonymize", site.arguments("out"));

    CHECK(run.exit_code == EX_USAGE);
    CHECK_THAT(run.err, Contains("empty or a new directory"));
    CHECK(tree(site.root / "out") == before);
}

TEST_CASE("fiona-anonymize: a dry run shows tags, shapes, actions and reasons, and writes nothing")
{
    const Site site{2};

    const auto run = run_tool("fiona-anonymize", site.arguments("out", {"--dry-run", "--json"}));

    CHECK(run.exit_code == EX_OK);
    CHECK_FALSE(fs::exists(site.root / "out"));
    const auto document = json::parse(run.out, "output");
    const auto& plan = document.find("plan")->array();
    const auto name = std::ranges::find_if(
        plan, [](const json::Value& row) { return row.text("tag") == "0010,0010"; });
    REQUIRE(name != plan.end());
    CHECK(name->text("vr") == "PN");
    CHECK(name->text("max_values") == "1");
    CHECK(name->text("max_bytes") == "14");
    CHECK(name->text("action") == "SUBJECT");
    CHECK_FALSE(name->text("reason").empty());
    CHECK(run.out.find("Fjellvik") == std::string::npos);
}

TEST_CASE("fiona-anonymize: one bad file among good ones is set aside with its reason")
{
    const Site site{2};
    store::write_file(site.root / "in" / "note.txt", "not an image");

    const auto run =
        run_tool("fiona-anonymize", site.arguments("out", {"--report", site.root / "report.json"}));

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err,
               Contains("event=file_refused") && Contains("input file 3") && !Contains("note.txt"));
    CHECK(tree(site.root / "out").size() == 2);
    const auto report = json::parse(read_file(site.root / "report.json"), "report");
    CHECK(report.find("summary")->text("written") == "2");
    CHECK(report.find("summary")->text("refused") == "1");
}

TEST_CASE("fiona-anonymize: a bad command line is 64 and touches nothing")
{
    const Site site{1};
    const auto input = (site.root / "in").native();
    const auto output = (site.root / "out").native();
    const auto words = GENERATE_COPY(
        std::vector<std::string>{}, std::vector<std::string>{"-i", input},
        std::vector<std::string>{"-i", input, "-o", output, "-j", "G", "-p", "P"}, // no key
        std::vector<std::string>{"-i", input, "-o", output, "-j", "G", "-p", "a b", "-u"},
        std::vector<std::string>{"-i", input, "-o", output, "-j", "G", "-p", "P", "--uid-scheme",
                                 "md5"},
        std::vector<std::string>{"-i", input, "-o", output, "-j", "G", "-p", "P", "-u", "-P",
                                 "nonsense"},
        std::vector<std::string>{"-i", input, "-o", output, "-j", "G", "-p", "P", "-u", "--verify",
                                 "off"},
        std::vector<std::string>{"--no-such-option"});

    const auto run = run_tool("fiona-anonymize", words);

    CHECK(run.exit_code == EX_USAGE);
    CHECK_FALSE(fs::exists(output));
}

TEST_CASE("fiona-anonymize: the original's command line still works, with its 42 days")
{
    const Site site{1};

    const auto run = run_tool("fiona-anonymize", {"-i", site.root / "in" / "0.dcm", "-o",
                                                  site.root / "out", "-j", "MMIV", "-p", "P1", "-e",
                                                  "E1", "-u", "-P", "0008,0090=EventName:E1"});

    CHECK(run.exit_code == EX_OK);
    const auto files = tree(site.root / "out");
    REQUIRE(files.size() == 1);
    CHECK(files[0].first.starts_with("MR.1.3.6.1.4.1.45037."));
    CHECK(files[0].second.find("20240302") != std::string::npos);
    CHECK(files[0].second.find("20240120") == std::string::npos);
}

TEST_CASE(
    "fiona-anonymize: takes scheme and key of a project from its file, and makes them at first")
{
    const Site site{1};
    const std::vector<std::string> words{"-i",
                                         site.root / "in",
                                         "-j",
                                         "GLIOMA",
                                         "-p",
                                         "P1",
                                         "--project-config",
                                         site.root / "projects.json",
                                         "-o"};
    auto first_words = words;
    first_words.push_back(site.root / "one");
    auto second_words = words;
    second_words.push_back(site.root / "two");

    const auto first = run_tool("fiona-anonymize", first_words);
    const auto second = run_tool("fiona-anonymize", second_words);
    fs::remove(site.root.path / "keys" / "GLIOMA.key");
    const auto third = run_tool("fiona-anonymize", second_words);

    CHECK(first.exit_code == EX_OK);
    CHECK(second.exit_code == EX_OK);
    CHECK(tree(site.root / "one") == tree(site.root / "two"));
    CHECK(third.exit_code == EX_CONFIG);
    CHECK_THAT(third.err, Contains("lost"));
}

TEST_CASE("fiona-anonymize: by hand at a site it does what a transfer of the project does")
{
    const Site site{1};
    REQUIRE(run_tool("fiona-config", {"init", "--root", site.root / "site"}).exit_code == EX_OK);
    const auto config = site.root / "site/data/config/config.json";
    const auto run = [&](const char* output, const char* project,
                         const std::vector<std::string>& more) {
        std::vector<std::string> words{"-i", site.root / "in", "-o", site.root / output,
                                       "-j", project,          "-p", "P1"};
        words.insert(words.end(), more.begin(), more.end());
        return run_tool("fiona-anonymize", words);
    };

    const auto unknown = run("zero", "GLIOMA", {"--config", config});
    REQUIRE(run_tool("fiona-config", {"key", "create", "GLIOMA", "--config", config}).exit_code
            == EX_OK);
    const auto at_site = run("one", "GLIOMA", {"--config", config});
    const auto named =
        run("two", "GLIOMA", {"--project-config", site.root / "site/data/config/projects.json"});
    const auto other = run("three", "GLIOMA", {"--config", config, "-u"});

    CHECK(unknown.exit_code == EX_NOINPUT);
    CHECK_THAT(unknown.err, Contains("fiona-config key create GLIOMA"));
    CHECK(at_site.exit_code == EX_OK);
    CHECK(named.exit_code == EX_OK);
    CHECK(tree(site.root / "one") == tree(site.root / "two"));
    CHECK(other.exit_code == EX_OK);
    CHECK(tree(site.root / "one") != tree(site.root / "three"));
}

TEST_CASE("fiona-anonymize: explains a tag and lists the profile")
{
    const auto explained = run_tool("fiona-anonymize", {"--explain", "PatientAddress", "--json"});
    const auto listed = run_tool("fiona-anonymize", {"profile", "list", "--json"});
    const auto unknown = run_tool("fiona-anonymize", {"--explain", "NoSuchThing"});

    CHECK(explained.exit_code == EX_OK);
    CHECK(json::parse(explained.out, "output").text("action") == "X");
    CHECK(json::parse(listed.out, "output").find("rows")->array().size() == 681);
    CHECK(unknown.exit_code == EX_USAGE);
}

TEST_CASE("fiona-anonymize: killed half-way it leaves no incomplete file under a final name")
{
    const Site site{400};
    const auto program =
        fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin" / "fiona-anonymize";
    auto words = site.arguments("out", {"-t", "2"});
    words.insert(words.begin(), program);
    std::vector<char*> argv;
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    pid_t pid = 0;
    REQUIRE(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), environment.data())
            == 0);
    const auto count = [&] {
        std::error_code gone; // files are renamed under our eyes
        std::size_t files = 0;
        for (fs::recursive_directory_iterator at{site.root / "out", gone}, end; at != end;
             at.increment(gone)) {
            files += at->path().extension() == ".dcm" ? 1U : 0U;
        }
        return files;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (count() < 5 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    REQUIRE(::kill(pid, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status)); // else it was too fast for this test

    CHECK(count() >= 5);
    for (const auto& [name, bytes] : tree(site.root / "out")) {
        if (name.ends_with(".dcm")) {
            CHECK_NOTHROW(dicom::prescan_file(site.root.path / "out" / name));
            CHECK(bytes.find("Fjellvik") == std::string::npos);
        } else {
            CHECK(fs::path{name}.filename().native().starts_with("."));
        }
    }
    fs::remove_all(site.root / "out");
    CHECK(run_tool("fiona-anonymize", site.arguments("out")).exit_code == EX_OK);
    CHECK(tree(site.root / "out").size() == 400);
}
