// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom_file.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// A study, and what became of it in `runs` runs with receipts.
struct Clean {
    explicit Clean(int runs = 1)
    {
        fs::create_directory(root / "in");
        for (int i = 0; i < 2; ++i) {
            phantom::Names names;
            names.instance += std::to_string(i);
            phantom::write(root.path / "in" / std::to_string(i), phantom::image(names));
        }
        store::write_file(root / "key", std::string(32, 'k'), 0600);
        for (int i = 0; i < runs; ++i) {
            const auto run = run_tool("fiona-anonymize",
                                      {"-i", root / "in", "-o", root.path / fmt::format("out{}", i),
                                       "-j", "GLIOMA", "-p", "GLI_001", "-e", "baseline",
                                       "--key-file", root / "key", "-b", "--receipts",
                                       root / "receipts", "--signing-key", root / "signing.key"});
            REQUIRE(run.exit_code == EX_OK);
        }
    }

    [[nodiscard]] Outcome receipts(const std::vector<std::string>& more = {}) const
    {
        std::vector<std::string> words{"receipt", root / "receipts"};
        words.insert(words.end(), more.begin(), more.end());
        return run_tool("fiona-verify", words);
    }

    [[nodiscard]] fs::path receipt(int number) const
    {
        return root.path / "receipts" / fmt::format("{:08}.json", number);
    }

    TempDir root;
};

void replace_in(const fs::path& file, const std::string& before, const std::string& after)
{
    auto text = read_file(file);
    const auto at = text.find(before);
    REQUIRE(at != std::string::npos);
    store::write_file(file, text.replace(at, before.size(), after));
}

/// Only what makes it an image: nothing of anybody is in it.
phantom::Item nobodys_image()
{
    auto image = phantom::image({"2.25.1", "2.25.2", "2.25.3"});
    std::erase_if(image.elements, [](const auto& element) {
        const auto [group, number] = element.tag;
        const bool is_class_or_uid =
            (group == 0x0008 && (number == 0x0016 || number == 0x0018 || number == 0x0060))
            || (group == 0x0020 && (number == 0x000d || number == 0x000e));
        return !is_class_or_uid && group != 0x0028 && group != 0x7fe0;
    });
    return image;
}

} // namespace

TEST_CASE("fiona-verify: receipts are signed, chained, and hold nothing of the original")
{
    const Clean clean{3};

    const auto run = clean.receipts({"--files", clean.root / "out0"});

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("3 receipts"));
    for (int i = 1; i <= 3; ++i) {
        const auto text = read_file(clean.receipt(i));
        CHECK_THAT(text, !Contains("PID998877") && !Contains("Kari") && !Contains("1.2.752.24"));
        CHECK_THAT(text, !Contains((clean.root / "in").native()));
    }
    CHECK(clean.receipts({"--files", clean.root / "out0"}).exit_code == EX_OK); // reads only
}

TEST_CASE("fiona-verify: a receipt that was changed, dropped or exchanged is found")
{
    const Clean clean{3};
    SECTION("changed")
    {
        replace_in(clean.receipt(2), "GLI_001", "GLI_002");
        const auto run = clean.receipts();
        CHECK(run.exit_code == EX_DATAERR);
        CHECK_THAT(run.out, Contains("00000002.json") && Contains("signature"));
        CHECK_THAT(run.out, Contains("chain is broken"));
    }
    SECTION("dropped")
    {
        fs::remove(clean.receipt(2));
        const auto run = clean.receipts();
        CHECK(run.exit_code == EX_DATAERR);
        CHECK_THAT(run.out, Contains("missing"));
    }
    SECTION("of another site")
    {
        const Clean other{1};
        fs::copy_file(other.receipt(1), clean.receipt(3), fs::copy_options::overwrite_existing);
        const auto run = clean.receipts();
        CHECK(run.exit_code == EX_DATAERR);
        CHECK_THAT(run.out, Contains("another key"));
    }
    SECTION("damaged")
    {
        store::write_file(clean.receipt(1), "{");
        const auto run = clean.receipts({"--json"});
        CHECK(run.exit_code == EX_DATAERR);
        CHECK(json::parse(run.out, "out").find("findings")->array().size() >= 1);
    }
    SECTION("another public key is asked for")
    {
        CHECK(clean.receipts({"--public-key", std::string(64, 'a')}).exit_code == EX_DATAERR);
    }
}

TEST_CASE("fiona-verify: a de-identified file that was changed or is missing is found")
{
    const Clean clean;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{clean.root / "out0"}) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    REQUIRE(files.size() == 2);
    store::write_file(files[0], read_file(files[0]) + "  ");
    fs::remove(files[1]);

    const auto run = clean.receipts({"--files", clean.root / "out0"});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.out, Contains("no receipt knows this file") && Contains("is missing"));
}

TEST_CASE("fiona-verify: residual finds identity in headers, bytes, names and links, and not in "
          "clean files")
{
    const Clean clean;
    const auto search = [&](const fs::path& where) {
        return run_tool("fiona-verify",
                        {"residual", where, "--original", clean.root / "in", "--harmless", "GLIOMA",
                         "--harmless", "GLI_001", "--json"});
    };
    const auto original = search(clean.root / "in");
    CHECK(original.exit_code == EX_DATAERR);
    CHECK_THAT(original.out,
               Contains("0010,0010") && Contains("0008,0050") && Contains("0020,000D"));

    const auto good = search(clean.root / "out0");
    CAPTURE(good.out);
    CHECK(good.exit_code == EX_OK);

    const auto other = clean.root / "other";
    fs::create_directory(other);
    store::write_file(other / "log", "nothing\nsent PID998877 away\n");
    store::write_file(other / "Pr\xc3\xb8ve_Kari.txt", "nothing");
    fs::create_symlink("/data/1.2.752.24.5.111111.1/x", other / "link");
    const auto bad = search(other);
    CHECK(bad.exit_code == EX_DATAERR);
    CHECK(json::parse(bad.out, "out").find("findings")->array().size() == 3);
    CHECK_THAT(bad.out + bad.err, !Contains("PID998877") && !Contains("Kari"));
}

TEST_CASE("fiona-verify: residual finds a planted identifier wherever it may hide")
{
    const Clean clean;
    const auto place = clean.root / "place";
    fs::create_directory(place);
    const auto plant = [&](const std::function<void(phantom::Item&)>& change) {
        auto image = nobodys_image();
        change(image);
        phantom::write(place / "object.dcm", image);
    };
    const auto zip = [&](const std::vector<std::string>& options, const std::string& input) {
        std::vector<std::string> words{"zip", "-q"};
        words.insert(words.end(), options.begin(), options.end());
        words.insert(words.end(),
                     {(place / "package.zip").native(), (clean.root / "key").native()});
        REQUIRE(fiona::run({.arguments = words, .input = input}).exit_code == 0);
    };
    SECTION("a private tag")
    {
        plant([](auto& image) {
            phantom::put(image, phantom::text({0x0029, 0x0010}, "LO", "ACME"));
            phantom::put(image, phantom::text({0x0029, 0x1001}, "UN", "xxPID998877xx"));
        });
    }
    SECTION("the text of a report")
    {
        plant([](auto& image) {
            phantom::Item content;
            phantom::put(content, phantom::text({0x0040, 0xa160}, "UT", "seen: PID998877, well"));
            phantom::put(image, phantom::sequence({0x0040, 0xa730}, {content}));
        });
    }
    SECTION("a UID with the birth date as its end")
    {
        plant([](auto& image) {
            phantom::put(image, phantom::text({0x0020, 0x0052}, "UI", "1.2.752.9.88.19610307"));
        });
    }
    SECTION("an original UID")
    {
        plant([](auto& image) {
            phantom::put(image, phantom::text({0x0020, 0x0052}, "UI", "1.2.752.24.5.111111.4"));
        });
    }
    SECTION("a file name")
    {
        store::write_file(place / "scan_PID998877.txt", "nothing");
    }
    SECTION("the comment of a zip")
    {
        zip({"-z"}, "for PID998877\n");
    }
    SECTION("a name in a zip")
    {
        store::write_file(place / "PID998877", "nothing");
        REQUIRE(fiona::run({.arguments = {"zip", "-q", "-m", "-j", (place / "p.zip").native(),
                                          (place / "PID998877").native()}})
                    .exit_code
                == 0);
    }
    SECTION("a JSON beside the images")
    {
        store::write_file(place / "series.json", R"({"PatientID": ["PID998877"]})");
    }
    SECTION("a log")
    {
        store::write_file(place / "tool.log", "2026-01-01 sent PID998877 away\n");
    }
    SECTION("the subject of a mail, as mail programs write it")
    {
        store::write_file(place / "mail.eml", "Subject: new data of PID998877\r\n\r\nbody\r\n");
    }

    const auto run =
        run_tool("fiona-verify", {"residual", place, "--original", clean.root / "in", "--harmless",
                                  "GLIOMA", "--harmless", "GLI_001", "--json"});

    CAPTURE(run.out);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(json::parse(run.out, "out").find("findings")->array().size() >= 1);
    CHECK_THAT(run.out + run.err, !Contains("PID998877"));
}

TEST_CASE("fiona-verify: residual finds nothing in the same places when others are planted there")
{
    const Clean clean;
    const auto place = clean.root / "place";
    fs::create_directory(place);
    auto image = nobodys_image();
    phantom::put(image, phantom::text({0x0029, 0x0010}, "LO", "ACME"));
    phantom::put(image, phantom::text({0x0029, 0x1001}, "UN", "xxPID112233xx"));
    phantom::put(image, phantom::text({0x0020, 0x0052}, "UI", "1.2.752.9.88.19620408"));
    phantom::write(place / "object.dcm", image);
    store::write_file(place / "scan_PID112233.txt", "nothing");
    store::write_file(place / "series.json", R"({"PatientID": ["PID112233"]})");
    store::write_file(place / "mail.eml", "Subject: new data of PID112233\r\n\r\nbody\r\n");
    REQUIRE(fiona::run({.arguments = {"zip", "-q", "-z", (place / "package.zip").native(),
                                      (place / "series.json").native()},
                        .input = "for PID112233\n"})
                .exit_code
            == 0);

    const auto run =
        run_tool("fiona-verify", {"residual", place, "--original", clean.root / "in", "--harmless",
                                  "GLIOMA", "--harmless", "GLI_001", "--json"});

    CAPTURE(run.out);
    CHECK(run.exit_code == EX_OK);
}

TEST_CASE("fiona-verify: a search for nothing is refused")
{
    const TempDir root;
    const auto run = run_tool("fiona-verify", {"residual", root.path});
    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("nothing identifying is known"));
}

TEST_CASE("fiona-verify: site names damage, mends it only when told, and a second run is a no-op")
{
    const TempDir root;
    REQUIRE(run_tool("fiona-config", {"init", "--root", root / "site"}).exit_code == EX_OK);
    const auto config = root.path / "site/data/config/config.json";
    const auto series = root.path / "site/data/site/raw/1.2.3/1.2.3.4";
    fs::create_directories(series);
    fs::create_symlink(root.path / "site/data/site/archive/scp_1.2.3/gone", series / "1.2.3.4.5");
    const auto requests = root.path / "site/home/processing/transfer_requests";
    REQUIRE(fs::exists(requests));
    store::write_file(requests / "bad.json", "{");
    const auto state = root.path / "site/home/processing/state";
    const auto remains = state / "transfers/.x.sent.77.0.part";
    const auto in_work = state / ".y.json.77.0.part";
    fs::create_directories(remains.parent_path());
    store::write_file(remains, "request 00");
    store::write_file(in_work, "{");
    fs::last_write_time(remains, fs::file_time_type::clock::now() - std::chrono::hours{25});
    const auto verify = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"site", "--config", config});
        return run_tool("fiona-verify", more);
    };

    const auto look = verify({});
    CAPTURE(look.out, look.err);
    CHECK(look.exit_code == EX_DATAERR);
    CHECK_THAT(look.out, Contains("dangling link") && Contains("broken request")
                             && Contains("its writer died"));
    CHECK(verify({"--repair", "--dry-run"}).exit_code == EX_DATAERR);
    CHECK(fs::is_symlink(series / "1.2.3.4.5"));
    CHECK(fs::exists(requests / "bad.json"));
    CHECK(fs::exists(remains));

    const auto repair = verify({"--repair"});
    CHECK_THAT(repair.out, Contains("mended") && Contains("fiona-clear-stale-links"));
    CHECK(fs::is_symlink(series / "1.2.3.4.5")); // perhaps the disk of the archive is away
    CHECK_FALSE(fs::exists(requests / "bad.json"));
    CHECK_FALSE(fs::exists(remains));
    CHECK(fs::exists(in_work));
    CHECK(fs::exists(root.path / "site/home/processing/transfers_fail/bad.json_fail.log"));
    const auto again = verify({"--repair"});
    CHECK_THAT(again.out, !Contains("mended"));
}

TEST_CASE("fiona-verify: without receipts named, the site's are checked against the site's key")
{
    const Clean clean;
    REQUIRE(run_tool("fiona-config", {"init", "--root", clean.root / "site"}).exit_code == EX_OK);
    const auto data = clean.root.path / "site/data/config";
    const auto verify = [&] {
        return run_tool("fiona-verify", {"receipt", "--config", data / "config.json"});
    };
    CHECK(verify().exit_code == EX_OK); // nothing was sent yet

    fs::copy(clean.root.path / "receipts", clean.root.path / "site/home/processing/receipts",
             fs::copy_options::recursive);
    store::write_file(data / "signing.key", read_file(clean.root.path / "signing.key"), 0600);
    CHECK_THAT(verify().out, Contains("1 receipts"));
    CHECK(verify().exit_code == EX_OK);

    store::write_file(data / "signing.key", std::string(32, 'x'), 0600);
    CHECK(verify().exit_code == EX_DATAERR);
}

TEST_CASE("fiona-verify: a bad command line is 64")
{
    CHECK(answer_to_wrong_command("fiona-verify", {}) == "refused");
    CHECK(answer_to_wrong_command("fiona-verify", {"residual"}) == "refused");
    CHECK(run_tool("fiona-verify", {"receipt", "/nonexistent"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-verify: receipts of runs that were killed form a chain all the same")
{
    const Clean clean;
    std::vector<std::string> words{"-i",
                                   clean.root / "in",
                                   "-o",
                                   clean.root / "killed",
                                   "-j",
                                   "GLIOMA",
                                   "-p",
                                   "GLI_001",
                                   "--key-file",
                                   clean.root / "key",
                                   "--receipts",
                                   clean.root / "receipts",
                                   "--signing-key",
                                   clean.root / "signing.key"};
    static_cast<void>(run_tool_and_kill("fiona-anonymize", words, {},
                                        [&] { return fs::exists(clean.root / "killed"); }));
    words[3] = clean.root / "again";
    CHECK(run_tool("fiona-anonymize", words).exit_code == EX_OK);

    CHECK(clean.receipts().exit_code == EX_OK);
}
