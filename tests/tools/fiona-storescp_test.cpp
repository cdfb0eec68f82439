// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_negotiation.h"
#include "libfiona/store/spool.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <chrono>
#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

using receiver::eventually;
using receiver::numbered;
using receiver::Site;
using receiver::stored_data_set;

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
    const auto data = shared_data("transfer-syntax");
    if (!data) {
        return;
    }
    Site site;
    site.start();
    unsigned stored = 0;
    const auto known = pacs::preferred_syntaxes(ReceiverConfig::TransferSyntaxes::any);

    for (const auto& entry : fs::recursive_directory_iterator{*data}) {
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

TEST_CASE("fiona-storescp: a dry run starts and stops nothing, a bad command line is 64")
{
    Site site;
    CHECK_THAT(site.tool({"--dry-run", "start"}).out, Contains("would be started"));
    CHECK(site.tool({"--dry-run", "run"}).exit_code == EX_USAGE);
    CHECK(site.pid() == 0);
    site.start();
    CHECK_THAT(site.tool({"--dry-run", "stop"}).out, Contains("would be stopped"));
    CHECK_THAT(site.tool({"--dry-run", "restart"}).out, Contains("would be restarted"));
    CHECK(site.pid() != 0);

    CHECK(site.tool({}).exit_code == EX_USAGE);
    CHECK(site.tool({"fly"}).exit_code == EX_USAGE);
    CHECK(site.tool({"--port", "99999", "start"}).exit_code == EX_USAGE);
    CHECK(site.tool({"--help"}).exit_code == EX_OK);
}
