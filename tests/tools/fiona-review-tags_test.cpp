// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom_file.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct Images {
    Images()
    {
        fs::create_directory(root / "in");
        for (int i = 0; i < 3; ++i) {
            phantom::Names names;
            names.instance += std::to_string(i);
            auto image = phantom::image(names);
            phantom::put(image, phantom::text({0x0008, 0x103e}, "LO", i == 2 ? "<b>&" : "t1"));
            phantom::put(image, phantom::text({0x0019, 0x0010}, "LO", "SIEMENS MR HEADER"));
            phantom::put(image, phantom::text({0x0019, 0x100c}, "IS", "1000"));
            phantom::write(root.path / "in" / std::to_string(i), image);
        }
    }
    TempDir root;
};

const json::Value& tag(const json::Value& review, std::string_view path)
{
    for (const auto& entry : review.find("tags")->array()) {
        if (entry.text("tag") == path) {
            return entry;
        }
    }
    FAIL("no tag " << path);
    return review;
}

} // namespace

TEST_CASE("fiona-review-tags: counts values and distinct ones, with examples")
{
    const Images images;

    const auto run = run_tool("fiona-review-tags", {images.root / "in", "--json"});

    CHECK(run.exit_code == EX_OK);
    const auto review = json::parse(run.out, "out");
    CHECK(review.text("files") == "3");
    const auto& description = tag(review, "0008,103E");
    CHECK(description.text("keyword") == "SeriesDescription");
    CHECK(description.text("count") == "3");
    CHECK(description.text("distinct") == "2");
    CHECK(description.find("examples")->array().size() == 2);
    CHECK(tag(review, "0010,0010").find("examples")->array()[0].string() == "Prøve^Kari");
    CHECK(tag(review, "0019,[SIEMENS MR HEADER]0C").text("distinct") == "1");
}

TEST_CASE("fiona-review-tags: at most so many examples as were asked for")
{
    const Images images;

    const auto run =
        run_tool("fiona-review-tags", {images.root / "in", "--json", "--examples", "1"});

    const auto review = json::parse(run.out, "out");
    CHECK(tag(review, "0008,0018").text("distinct") == "3");
    CHECK(tag(review, "0008,0018").find("examples")->array().size() == 1);
}

TEST_CASE("fiona-review-tags: the page is escaped, for its owner only, and the same each time")
{
    const Images images;
    const auto page = images.root / "page.html";
    const auto write = [&] {
        return run_tool("fiona-review-tags",
                        {images.root / "in", "--html", page, "--title", "A <b>"});
    };

    CHECK(write().exit_code == EX_OK);
    const auto first = read_file(page);
    CHECK(write().exit_code == EX_OK);

    CHECK(read_file(page) == first);
    CHECK_THAT(first, Contains("&lt;b&gt;&amp;") && !Contains("<b>"));
    struct stat status {};
    REQUIRE(::stat(page.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
}

TEST_CASE("fiona-review-tags: a dry run writes no page")
{
    const Images images;
    CHECK(run_tool("fiona-review-tags",
                   {images.root / "in", "--html", images.root / "page.html", "--dry-run"})
              .exit_code
          == EX_OK);
    CHECK_FALSE(fs::exists(images.root / "page.html"));
}

TEST_CASE("fiona-review-tags: one bad file among good ones is counted, the rest is read")
{
    const Images images;
    store::write_file(images.root.path / "in" / "note.txt", "no image");

    const auto run = run_tool("fiona-review-tags", {images.root / "in", "--json"});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(json::parse(run.out, "out").text("files") == "3");
    CHECK(json::parse(run.out, "out").text("set_aside") == "1");
}

TEST_CASE("fiona-review-tags: a bad command line is 64, a missing directory 66")
{
    CHECK(answer_to_wrong_command("fiona-review-tags", {}) == "refused");
    CHECK(run_tool("fiona-review-tags", {"/nonexistent"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-review-tags: killed while it writes, it leaves no half page")
{
    const Images images;
    const auto page = images.root / "page.html";
    const std::vector<std::string> words{images.root / "in", "--html", page};

    static_cast<void>(run_tool_and_kill("fiona-review-tags", words, {}, [] { return true; }));
    const bool whole = !fs::exists(page) || read_file(page).ends_with("</html>\n");
    CHECK(whole);
    CHECK(run_tool("fiona-review-tags", words).exit_code == EX_OK);
    CHECK(read_file(page).ends_with("</html>\n"));
}
