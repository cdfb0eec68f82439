// SPDX-License-Identifier: MIT
#include "tests/support/leak_scan.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <stdexcept>

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

namespace {

const Identity someone{{"patient name", {"Åsløkken^Bjørn", "Åsløkken"}},
                       {"uid", {"1.2.826.0.1.3680043.10.999.12345"}}};

void put(const fs::path& file, const std::string& bytes)
{
    std::ofstream{file, std::ios::binary} << bytes;
}

} // namespace

TEST_CASE("a value is found in every encoding and case")
{
    using namespace std::string_literals;
    const auto bytes = GENERATE("Åsløkken"s, "ÅSLØKKEN"s, "åsløkken"s, "ÅSlØkKEN"s,      // UTF-8
                                "\xc5sl\xf8kken"s, "\xe5SL\xf8KKEN"s, "\xc5SL\xd8KKEN"s, // Latin-1
                                "\xc5\0s\0l\0\xf8\0k\0k\0e\0n\0"s,  // UTF-16, little endian
                                "\0\xe5\0s\0l\0\xf8\0k\0k\0e\0n"s); // UTF-16, big endian
    CAPTURE(bytes);
    const TempDir directory;
    put(directory / "file", "before " + bytes + " behind");

    const auto leaks = leak_scan({directory.path}, someone);

    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].kind == "patient name");
    CHECK(leaks[0].file == directory / "file");
    CHECK(leaks[0].place == Leak::Place::content);
    CHECK(leaks[0].offset == 7 + bytes.size() - 1);
}

TEST_CASE("letters beyond Latin-1 have two cases too")
{
    const TempDir directory;
    put(directory / "file", "WÓJTYŃSKA Żaneta");

    CHECK(leak_scan({directory.path}, {{"patient name", {"Wójtyńska"}}}).size() == 1);
    CHECK(leak_scan({directory.path}, {{"patient name", {"żANETA"}}}).size() == 1);
}

TEST_CASE("a short number inside a UID made of a hash is chance, anywhere else a leak")
{
    const TempDir directory;
    const Identity number{{"patient id", {"123456"}}};
    const auto leaks = [&](const std::string& bytes) {
        put(directory / "file", bytes);
        return leak_scan({directory.path}, number).size();
    };

    CHECK(leaks("UI 2.25.194291092123456559536412291153082774412") == 0);
    CHECK(leaks(std::string((1U << 20U) - 20, 'x') + "2.25.194291092123456559")
          == 0); // over two blocks
    CHECK(leaks("UI 2.25.194291092.123456") == 1);
    CHECK(leaks("UI 1.2.25.4.123456") == 1);
    CHECK(leaks("1.3.6.1.4.1.45037.99123456") == 1);
    CHECK(leaks("PatientID 123456") == 1);
}

TEST_CASE("what is only like a value is no leak")
{
    const TempDir directory;
    put(directory / "file", "Aslokken Åsløkke 1.2.826.0.1.3680043.10.999.1234 \xc5sl\xf8kk");
    fs::create_directory(directory / "empty");

    CHECK(leak_scan({directory.path}, someone).empty());
}

TEST_CASE("a value that straddles two blocks of reading is found")
{
    const auto before =
        GENERATE(as<std::size_t>{}, (1U << 20U) - 9, (1U << 20U) - 1, (2U << 20U) - 5);
    const TempDir directory;
    put(directory / "large", std::string(before, 'x') + "Åsløkken" + std::string(1000, 'y'));

    const auto leaks = leak_scan({directory / "large"}, someone);

    REQUIRE(leaks.size() == 1);
    CHECK(leaks[0].offset == before + std::string{"Åsløkken"}.size() - 1);
}

TEST_CASE("names of files, of directories and the targets of links are looked through")
{
    const TempDir directory;
    fs::create_directories(directory.path / "of åsløkken");
    put(directory / "MR.1.2.826.0.1.3680043.10.999.12345", "");
    fs::create_symlink("/nowhere/Åsløkken", directory / "link");

    const auto leaks = leak_scan({directory.path}, someone);

    REQUIRE(leaks.size() == 3);
    for (const auto& leak : leaks) {
        CHECK_THAT(describe(leak), !Contains("sløkken") && !Contains("3680043"));
        CHECK_THAT(describe(leak), Contains(directory.path.native()));
    }
}

TEST_CASE("a link is not followed: its target is scanned where it lies")
{
    const TempDir directory;
    const TempDir elsewhere;
    put(elsewhere / "file", "Åsløkken");
    fs::create_symlink(elsewhere / "file", directory / "link");
    fs::create_symlink(directory.path, directory / "loop");

    CHECK(leak_scan({directory.path}, someone).empty());
}

TEST_CASE("a scan that cannot be complete throws")
{
    const TempDir directory;

    CHECK_THROWS_AS(leak_scan({directory / "gone"}, someone), std::runtime_error);
    CHECK_THROWS_AS(leak_scan({directory.path}, {{"sex", {"F"}}}), std::runtime_error);
    CHECK_THROWS_AS(leak_scan({directory.path}, {{"name", {"\xc5sl\xf8kken"}}}),
                    std::runtime_error);
}

TEST_CASE("an identity survives being written and read")
{
    const TempDir directory;
    put(directory / "identity.json", identity_json(someone));

    CHECK(read_identity(directory / "identity.json") == someone);
    CHECK(merged(someone, {{"uid", {"1.2.3.4"}}}).at("uid").size() == 2);
    CHECK(merged(someone, someone).at("uid").size() == 1);
}

TEST_CASE("leak-scan exits with 1 and names the file and the kind, never the value")
{
    const TempDir directory;
    put(directory / "identity.json", identity_json(someone));
    fs::create_directories(directory / "clean");
    fs::create_directories(directory / "dirty");
    put(directory.path / "clean" / "file", "nothing");
    put(directory.path / "dirty" / "file", "ÅSLØKKEN");

    const auto clean = run_tool("leak-scan", {directory / "identity.json", directory / "clean"});
    const auto dirty = run_tool("leak-scan", {directory / "identity.json", directory.path / "clean",
                                              directory.path / "dirty"});
    const auto gone = run_tool("leak-scan", {directory / "identity.json", directory / "gone"});

    CHECK(clean.exit_code == 0);
    CHECK(clean.out.empty());
    CHECK(dirty.exit_code == 1);
    CHECK(dirty.out == (directory / "dirty").native() + "/file: patient name\n");
    CHECK(gone.exit_code == 74);
    CHECK(run_tool("leak-scan", {}).exit_code == 64);
}
