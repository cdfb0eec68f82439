// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_part.h"
#include "tests/support/failing_sync.h"
#include "tests/support/raw_association.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

using namespace fiona;
using namespace fiona::pacs;
namespace fs = std::filesystem;

namespace {

const raw::Ids ids;
const ObjectClaim claim{ids.sop_class, ids.sop, raw::explicit_little};
const ReceiverPeer peer{"SCANNER", "FIONA", "10.0.0.5", "scanner", "1-1"};

} // namespace

TEST_CASE("a part holds the meta header and the data set as they were given, in any slices")
{
    const TempDir directory;
    const auto slice = GENERATE(as<std::size_t>{}, 7, 4096, 100'000);
    const auto pixels = GENERATE(as<std::size_t>{}, 10, 4096, 8192, 20'000); // around whole blocks
    const auto data = raw::data_set(ids, pixels);
    WriteBuffer buffer{WriteBuffer::block_bytes};
    PartFile part{directory.path, buffer};

    const auto meta = file_meta(claim, peer);
    part.append(meta.data(), meta.size());
    for (std::size_t at = 0; at < data.size(); at += slice) {
        part.append(data.data() + at, std::min(slice, data.size() - at));
    }
    part.sync();

    REQUIRE(part.error_number() == 0);
    CHECK(part.bytes() == meta.size() + data.size());
    CHECK(read_file(part.path()) == meta + data);
    const auto scan = dicom::prescan_file(part.path());
    CHECK(scan.data_set_offset == meta.size());
    CHECK(scan.meta_sop_instance == ids.sop);
    CHECK(meta.find("dicom://10.0.0.5") != std::string::npos);
}

TEST_CASE("what fits into the buffer is held, and written once")
{
    const TempDir directory;
    WriteBuffer buffer{2 * WriteBuffer::block_bytes};
    PartFile part{directory.path, buffer};
    const std::string bytes(WriteBuffer::block_bytes + 1, 'x');

    part.append(bytes.data(), bytes.size());
    REQUIRE(part.held());
    CHECK(part.held()->size() == bytes.size());
    CHECK(fs::file_size(part.path()) == 0);
    part.append(bytes.data(), bytes.size());
    CHECK_FALSE(part.held());
    part.flush();

    CHECK(read_file(part.path()) == bytes + bytes);
}

TEST_CASE("a part goes with its owner unless it was moved away")
{
    const TempDir directory;
    WriteBuffer buffer{WriteBuffer::block_bytes};
    {
        const PartFile part{directory.path, buffer};
        CHECK_FALSE(fs::is_empty(directory.path));
    }
    CHECK(fs::is_empty(directory.path));
    {
        PartFile part{directory.path, buffer};
        fs::rename(part.path(), directory / "kept");
        part.moved_away();
    }
    CHECK(fs::exists(directory / "kept"));
}

TEST_CASE("the first failure of a part is remembered and the rest is dropped without a word")
{
    WriteBuffer buffer{WriteBuffer::block_bytes};
    PartFile part{"/nonexistent", buffer};
    CHECK(part.error_number() == ENOENT);

    const std::string bytes(1000, 'x');
    part.append(bytes.data(), bytes.size());
    part.fail(ENOSPC);
    part.sync();

    CHECK(part.error_number() == ENOENT);
    CHECK(part.bytes() == 1000);
}

TEST_CASE("a part that cannot be synced is a failure for good")
{
    const TempDir directory;
    const FailingSync other;
    WriteBuffer buffer{WriteBuffer::block_bytes};
    PartFile part{directory.path, buffer};
    const std::string bytes(1000, 'x');
    part.append(bytes.data(), bytes.size());
    const UniqueFd own{::fcntl(part.fd(), F_DUPFD_CLOEXEC, 0)};
    other.take_place_of(part.fd());

    part.sync(); // the bytes were taken, nothing knows where they are

    CHECK(part.error_number() == FailingSync::error_number);
    REQUIRE(::dup3(own.get(), part.fd(), O_CLOEXEC) == part.fd());
    part.sync(); // a second try would be right, and a lie
    CHECK(part.error_number() == FailingSync::error_number);
    CHECK_FALSE(part.held());
}

TEST_CASE("only old parts are swept")
{
    const TempDir directory;
    for (const auto* const name : {"1.0.part", "2.0.part", "other"}) {
        std::ofstream{directory / name} << "x";
        fs::last_write_time(directory / name,
                            fs::file_time_type::clock::now() - std::chrono::hours{2});
    }
    fs::last_write_time(directory / "2.0.part", fs::file_time_type::clock::now());

    CHECK(sweep_parts(directory.path, std::chrono::hours{1}) == 1);

    CHECK_FALSE(fs::exists(directory / "1.0.part"));
    CHECK(fs::exists(directory / "2.0.part"));
    CHECK(fs::exists(directory / "other"));
}

TEST_CASE("an AE title in a log cannot forge a line or spoil a terminal")
{
    CHECK(printable("A\nB\x1b[1m\xff") == "A?B?[1m?");
    CHECK(printable("SCANNER 1") == "SCANNER 1");
}
