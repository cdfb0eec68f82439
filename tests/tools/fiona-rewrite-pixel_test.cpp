// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// Screen captures with a patient's name, id and birth date in the pixels.
struct Site {
    explicit Site(int captures)
    {
        phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
        for (int i = 0; i < captures; ++i) {
            study.add_secondary_capture();
        }
        study.write_to(root / "in");
        texts = study.burned_in();
    }

    [[nodiscard]] std::vector<std::string> arguments(const char* output,
                                                     std::vector<std::string> more = {}) const
    {
        std::vector<std::string> words{"-i", root / "in", "-o", root / output, "--mode", "detect"};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }

    TempDir root;
    std::vector<phantom::TextBox> texts;
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

TEST_CASE("fiona-rewrite-pixel: hides the text and says where, never what")
{
    const Site site{2};

    const auto run = run_tool("fiona-rewrite-pixel",
                              site.arguments("out", {"--report", site.root / "report.json",
                                                     "--preview", site.root / "sheets"}));

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("masked     2"));
    const auto text = read_file(site.root / "report.json");
    for (const auto* const secret : {"DOE", "JANE", "1001", "1970", "/in/"}) {
        CHECK(text.find(secret) == std::string::npos);
        CHECK((run.out + run.err).find(secret) == std::string::npos);
    }
    const auto report = json::parse(text, "report");
    const auto& file = report.find("files")->array().at(0);
    CHECK(file.text("output") == "000001.dcm");
    const auto& boxes = file.find("masks")->array().at(0).find("boxes")->array();
    for (const auto& written : site.texts) {
        const auto is_inside = [&](const json::Value& box) {
            const auto x = box.find("x")->integer();
            const auto y = box.find("y")->integer();
            const auto middle_x = written.x + written.width / 2;
            const auto middle_y = written.y + written.height / 2;
            return middle_x >= x && middle_x < x + box.find("width")->integer() && middle_y >= y
                   && middle_y < y + box.find("height")->integer();
        };
        CHECK(std::ranges::any_of(boxes, is_inside));
    }
    CHECK(fs::exists(site.root / "out" / "000002.dcm"));
    struct stat status {};
    REQUIRE(::stat((site.root / "sheets" / "000001.png").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600); // it shows the text
    CHECK(read_file(site.root / "sheets" / "000001.png").starts_with("\x89PNG"));
}

TEST_CASE("fiona-rewrite-pixel: a second run into another directory gives the same bytes")
{
    const Site site{3};

    REQUIRE(run_tool("fiona-rewrite-pixel", site.arguments("one")).exit_code == EX_OK);
    REQUIRE(run_tool("fiona-rewrite-pixel", site.arguments("two", {"-t", "1"})).exit_code == EX_OK);

    CHECK(tree(site.root / "one") == tree(site.root / "two"));
}

TEST_CASE("fiona-rewrite-pixel: what was cleaned once has nothing to hide the second time")
{
    const Site site{1};
    REQUIRE(run_tool("fiona-rewrite-pixel", site.arguments("out")).exit_code == EX_OK);

    const auto run = run_tool("fiona-rewrite-pixel", {"-i", site.root / "out", "-o",
                                                      site.root / "again", "--mode", "detect"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("unchanged  1"));
}

TEST_CASE("fiona-rewrite-pixel: a second run into the same directory changes nothing and says why")
{
    const Site site{1};
    REQUIRE(run_tool("fiona-rewrite-pixel", site.arguments("out")).exit_code == EX_OK);
    const auto before = tree(site.root / "out");

    const auto run = run_tool("fiona-rewrite-pixel", site.arguments("out"));

    CHECK(run.exit_code == EX_USAGE);
    CHECK_THAT(run.err, Contains("empty or a new directory"));
    CHECK(tree(site.root / "out") == before);
}

TEST_CASE("fiona-rewrite-pixel: a dry run reports and writes no image")
{
    const Site site{1};

    const auto run = run_tool("fiona-rewrite-pixel", site.arguments("out", {"-n", "--json"}));

    CHECK(run.exit_code == EX_OK);
    CHECK_FALSE(fs::exists(site.root / "out"));
    CHECK(json::parse(run.out, "output").find("summary")->text("masked") == "1");
}

TEST_CASE("fiona-rewrite-pixel: one bad file among good ones is set aside, the rest is done")
{
    const Site site{2};
    store::write_file(site.root / "in" / "a-note.txt", "DOE^JANE was here");

    const auto run = run_tool("fiona-rewrite-pixel", site.arguments("out", {"--json"}));

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("event=image_refused") && Contains("a-note.txt"));
    CHECK(run.err.find("DOE") == std::string::npos);
    CHECK(tree(site.root / "out").size() == 2);
    const auto summary = *json::parse(run.out, "output").find("summary");
    CHECK(summary.text("masked") == "2");
    CHECK(summary.text("refused") == "1");
}

TEST_CASE("fiona-rewrite-pixel: a bad command line is 64, a missing input 66, a bad file 78")
{
    const Site site{1};
    store::write_file(site.root / "regions.json", R"([{"match": {"NoSuchKeyword": "x"}}])");

    CHECK(answer_to_wrong_command("fiona-rewrite-pixel", {}) == "refused");
    CHECK(run_tool("fiona-rewrite-pixel", site.arguments("o", {"-c", "101"})).exit_code
          == EX_USAGE);
    CHECK(run_tool("fiona-rewrite-pixel", site.arguments("o", {"--mask", "known"})).exit_code
          == EX_USAGE); // what cannot read cannot know
    CHECK(
        run_tool("fiona-rewrite-pixel", {"-i", site.root / "none", "-o", site.root / "o"}).exit_code
        == EX_NOINPUT);
    CHECK(run_tool("fiona-rewrite-pixel",
                   {"-i", site.root / "in", "-o", site.root / "o", "--language", "xyz"})
              .exit_code
          == EX_NOINPUT);
    CHECK(run_tool("fiona-rewrite-pixel",
                   site.arguments("o", {"--regions", site.root / "regions.json"}))
              .exit_code
          == EX_CONFIG);
    CHECK_FALSE(fs::exists(site.root / "o" / "000001.dcm"));
}

TEST_CASE("fiona-rewrite-pixel: killed half-way it leaves whole files only, and can be run again")
{
    const Site site{12};

    run_tool_and_kill("fiona-rewrite-pixel", site.arguments("out", {"-t", "1"}), {},
                      [&] { return fs::exists(site.root / "out" / "000002.dcm"); });
    REQUIRE(run_tool("fiona-rewrite-pixel", site.arguments("whole")).exit_code == EX_OK);

    const auto whole = tree(site.root / "whole");
    for (const auto& file : tree(site.root / "out")) {
        if (!file.first.starts_with(".")) {
            CHECK(std::ranges::find(whole, file) != whole.end());
        }
    }
}

TEST_CASE("fiona-rewrite-pixel: without an engine that can be loaded nothing is written, exit 66")
{
    const Site site{2};
    fs::create_directory(site.root / "libraries");
    store::write_file(site.root / "libraries" / "libtesseract.so.5", "no library");

    const auto run = run_tool("fiona-rewrite-pixel",
                              {"-i", site.root / "in", "-o", site.root / "out", "--mode", "ocr"},
                              {"LD_LIBRARY_PATH=" + (site.root / "libraries").native()});

    CHECK(run.exit_code == EX_NOINPUT);
    CHECK_THAT(run.err, Contains("Tesseract"));
    CHECK((!fs::exists(site.root / "out") || tree(site.root / "out").empty()));
}

TEST_CASE(
    "fiona-rewrite-pixel: of known identifiers and other words only the identifiers are painted "
    "over, unless all is wished for")
{
    SmallImage image;
    image.picture = phantom::plain_canvas(300, 512, 1, 0);
    auto& canvas = *image.picture;
    const auto name = phantom::draw_text(canvas, 20, 30, 3, "QUIXOTIC ZEPHYRINA");
    const auto word = phantom::draw_text(canvas, 20, 200, 3, "DEPTH 12 CM");
    const TempDir root;
    fs::create_directory(root / "in");
    write_image(image, root / "in" / "image.dcm");
    const auto pixels = [&](const fs::path& file) { // the last element of the file
        const auto bytes = read_file(file);
        return bytes.substr(bytes.size() - canvas.bytes.size());
    };
    const auto ink = [&](const std::string& bytes, const phantom::DrawnBox& box) {
        std::size_t white = 0;
        for (auto y = box.y; y < box.y + box.height; ++y) {
            const auto row = bytes.substr(std::size_t{y} * canvas.columns + box.x, box.width);
            white += static_cast<std::size_t>(std::ranges::count(row, '\xff'));
        }
        return white;
    };
    const auto before = pixels(root / "in" / "image.dcm");
    REQUIRE(before == std::string(canvas.bytes.begin(), canvas.bytes.end()));

    for (const auto* const wish : {"known", "all"}) {
        CAPTURE(wish);
        const auto run =
            run_tool("fiona-rewrite-pixel", {"-i", root / "in", "-o", root / wish, "--mask", wish});
        CAPTURE(run.out, run.err);
        REQUIRE(run.exit_code == EX_OK);
        const auto after = pixels(root / wish / "000001.dcm");
        CHECK(ink(after, name) == 0);
        CHECK(ink(after, word) == (std::string_view{wish} == "known" ? ink(before, word) : 0));
        CHECK((run.out + run.err).find("QUIXOTIC") == std::string::npos);
    }
}
