// SPDX-License-Identifier: MIT
// Files that are none of ours, as the processor finds them in the archive, and pixel data that lies.
#include "libfiona/base/files.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/store/daemon.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"
#include "tests/support/memory_of.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using hostile::DataSet;
using hostile::Meta;

namespace {

const std::string kept = "status 0000: archived, linked";
const std::vector<std::string> no_lines;

/// A file in the archive, made of a good data set by `make`.
class Planter {
public:
    using Make = std::function<std::string(const raw::Ids&, const std::string& data)>;

    explicit Planter(Bench& bench) : m_bench{bench} {}

    [[nodiscard]] std::function<std::string()> file(const Make& make) const
    {
        return [this, make] {
            const auto ids = m_bench.fresh_ids();
            return m_bench.plant(ids, make(ids, DataSet{ids}.bytes()));
        };
    }
    [[nodiscard]] std::function<std::string()> bytes(const std::string& bytes) const
    {
        return file([bytes](const auto&, const auto&) { return bytes; });
    }
    /// A good file with such a meta header.
    [[nodiscard]] std::function<std::string()>
    meta(const std::function<std::string(Meta)>& make) const
    {
        return file([make](const raw::Ids& ids, const std::string& data) {
            return hostile::file(make(Meta{ids}), data);
        });
    }
    [[nodiscard]] std::function<std::string()> preamble(const std::string& text) const
    {
        return file([text](const raw::Ids& ids, const std::string& data) {
            return hostile::file(Meta{ids}.bytes(), data, text);
        });
    }
    /// A file that is `size` bytes long and holds `head` only: the rest is a hole.
    [[nodiscard]] std::function<std::string()> sparse(const Make& head, std::uintmax_t size) const
    {
        return [this, head, size] {
            const auto ids = m_bench.fresh_ids();
            return m_bench.plant(ids, [&](const fs::path& path) {
                std::ofstream{path, std::ios::binary} << head(ids, DataSet{ids}.bytes());
                fs::resize_file(path, size);
            });
        };
    }

private:
    Bench& m_bench;
};

/// Sends an image whose pixel attributes are changed, or compressed frames.
class Imager {
public:
    explicit Imager(Bench& bench) : m_bench{bench} {}

    [[nodiscard]] std::function<std::string()>
    with(const std::function<void(DataSet&)>& change,
         const std::string& syntax = raw::explicit_little) const
    {
        return [this, change, syntax] {
            const auto ids = m_bench.fresh_ids();
            DataSet data{ids};
            change(data);
            return m_bench.store(ids, data.bytes(), syntax);
        };
    }
    [[nodiscard]] std::function<std::string()>
    frames(const std::string& syntax, const std::string& encoded, unsigned rows = 512) const
    {
        return with(
            [=](DataSet& data) {
                data.put_number(0x00280010, "US", rows).put_number(0x00280011, "US", rows);
                data.put_bytes(0x7fe00010, encoded);
            },
            syntax);
    }

private:
    Bench& m_bench;
};

std::string without_preamble(const std::string& file)
{
    return file.substr(132);
}

/// A JPEG of a few markers: start, `more`, and a scan that is cut off.
std::string jpeg(const std::string& more)
{
    const std::string start{"\xff\xd8"};
    const std::string frame{"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00", 13};
    const std::string scan{"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", 10};
    return start + more + frame + scan + std::string(500, '\x55');
}

/// RLE: fifteen segments that all start behind the data (PS3.5 §G.5).
std::string rle_bomb()
{
    constexpr std::size_t bytes = 4600;
    auto header = raw::little(15, 4);
    for (unsigned i = 0; i < 15; ++i) {
        header += raw::little(64, 4);
    }
    std::string runs;
    while (header.size() + runs.size() < bytes) {
        runs += "\x81z"; // 128 times z
    }
    return header + runs;
}

} // namespace

TEST_CASE("faults 22, 23 and 25: what is no file of ours is given up with a reason")
{
    Bench bench;
    const Planter plant{bench};
    constexpr std::uintmax_t over_4_gib = (std::uintmax_t{4} << 30U) + 4096;
    const std::string given_up = "given up";
    const std::string linked = "linked";
    const auto long_vr = hostile::long_header(0x00020102, "OB", 0x80000000);
    const auto odd_vr = hostile::long_header(0x00020102, "ZZ", 0x80000000);
    std::vector<FaultCase> faults{
        {22, "meta header", "missing", given_up,
         plant.file([](const auto&, const auto& data) { return hostile::file("", data); })},
        {22, "meta header", "too short a group length", given_up, plant.meta([](Meta meta) {
             meta.group_length = 10;
             return meta.bytes();
         })},
        {22, "meta header", "too long a group length", given_up, plant.meta([](Meta meta) {
             meta.group_length = 100'000;
             return meta.bytes();
         })},
        {22, "meta header", "a value of 2 GB", given_up, plant.meta([=](Meta meta) {
             meta.more = long_vr;
             return meta.bytes();
         })},
        {22, "meta header", "a value of 2 GB, of no known VR", given_up, plant.meta([=](Meta meta) {
             meta.more = odd_vr;
             return meta.bytes();
         })},
        {22, "meta header", "a value of 2 GB that is there", given_up,
         plant.sparse(
             [=](const raw::Ids& ids, const std::string&) {
                 Meta meta{ids};
                 meta.more = long_vr;
                 return hostile::file(meta.bytes(), "");
             },
             over_4_gib)},
        {22, "meta header", "no transfer syntax", given_up, plant.meta([](Meta meta) {
             meta.transfer_syntax = "";
             return meta.bytes();
         })},
        {22, "meta header", "an unknown transfer syntax", given_up, plant.meta([](Meta meta) {
             meta.transfer_syntax = "1.2.3.4";
             return meta.bytes();
         })},
        {22, "meta header", "a transfer syntax that is no UID", given_up, plant.meta([](Meta meta) {
             meta.transfer_syntax = "../../etc/passwd";
             return meta.bytes();
         })},
        {23, "preamble", "none", given_up, plant.file([](const auto& ids, const auto& data) {
             return without_preamble(hostile::file(Meta{ids}.bytes(), data));
         })},
        {23, "preamble", "none, and no meta header", given_up,
         plant.file([](const auto&, const auto& data) { return data; })},
    };
    for (const auto& [name, text] : {std::pair{"MZ", std::string{"MZ\x90\0\3", 5}},
                                     std::pair{"ELF", std::string{"\x7f"
                                                                  "ELF\2\1\1"}},
                                     std::pair{"Mach-O", std::string{"\xcf\xfa\xed\xfe"}},
                                     std::pair{"#!", std::string{"#!/bin/sh\nexit 1\n"}},
                                     std::pair{"TIFF", std::string{"II*\0\x08\0\0\0", 8}}}) {
        faults.push_back({23, "preamble", name, linked, plant.preamble(text)});
        faults.push_back(
            {23, "preamble", std::string{name} + " where the data set begins",
             "status c001: rejected/unparsable, preamble zero", [&bench, text = text] {
                 const auto seen = bench.store(bench.fresh_ids(), raw::even(text, '\0'));
                 bool is_zero = true;
                 for (const auto& entry :
                      fs::directory_iterator{bench.config().paths.rejected() / "unparsable"}) {
                     const auto head = read_file(entry.path()).substr(0, 128);
                     is_zero &=
                         entry.path().extension() == ".reason" || head == std::string(128, '\0');
                 }
                 return seen + (is_zero ? ", preamble zero" : "");
             }});
    }
    const auto more = std::vector<FaultCase>{
        {25, "no image", "an empty file", given_up, plant.bytes("")},
        {25, "no image", "one byte", given_up, plant.bytes("x")},
        {25, "no image", "132 bytes", given_up, plant.bytes(hostile::file("", ""))},
        {25, "no image", "HTML", given_up,
         plant.bytes("<!DOCTYPE html><html><body>403</body></html>\n")},
        {25, "no image", "JSON", given_up, plant.bytes(R"({"00080018":{"vr":"UI"}})")},
        {25, "no image", "text", given_up, plant.bytes(std::string(10'000, 't'))},
        {25, "no image", "random bytes behind DICM", given_up,
         plant.bytes(hostile::file(std::string(4096, '\xa5'), ""))},
        {25, "no image", "a hole of more than 4 GiB", given_up,
         plant.sparse([](const auto&, const auto&) { return ""; }, over_4_gib)},
        {25, "no image", "a good image and a hole of more than 4 GiB", given_up,
         plant.sparse(
             [](const raw::Ids& ids, const std::string& data) {
                 return hostile::file(Meta{ids}.bytes(), data);
             },
             over_4_gib)},
        {25, "no image", "an image of almost 4 GiB", linked,
         [&bench] {
             constexpr std::uint32_t pixels = 0xfffffff0;
             const auto ids = bench.fresh_ids();
             const auto head = DataSet{ids}.drop(0x7fe00010).bytes()
                               + hostile::long_header(0x7fe00010, "OB", pixels);
             return bench.plant(ids, [&](const fs::path& path) {
                 std::ofstream{path, std::ios::binary} << hostile::file(Meta{ids}.bytes(), head);
                 fs::resize_file(path, fs::file_size(path) + pixels);
             });
         }},
        {25, "no image", "a DICOMDIR", given_up, plant.file([](const auto& ids, const auto&) {
             raw::Ids directory = ids;
             directory.sop_class = "1.2.840.10008.1.3.10";
             const auto data =
                 raw::element(0x00041130, "CS", "PHANTOM") + raw::element(0x00041220, "SQ", "");
             return hostile::file(Meta{directory}.bytes(), data);
         })},
        {25, "no image", "a DICOMDIR by the network", "aborted: nothing kept",
         [&bench] {
             auto ids = bench.fresh_ids();
             ids.sop_class = "1.2.840.10008.1.3.10";
             return bench.store(ids, DataSet{ids}.bytes());
         }},
        {25, "no image", "an empty data set by the network", "status c002: rejected/missing_uid",
         [&bench] { return bench.store(bench.fresh_ids(), ""); }},
        {25, "no image", "one byte by the network", "aborted: nothing kept",
         [&bench] { return bench.store(bench.fresh_ids(), "x"); }},
        {25, "no image", "HTML by the network", "status c001: rejected/unparsable",
         [&bench] { return bench.store(bench.fresh_ids(), "<html></html> "); }},
    };
    faults.insert(faults.end(), more.begin(), more.end());

    const auto processor = store::running_daemon(ingest::pid_file(bench.config())).value();
    const auto before = memory_kb(processor, "VmHWM");

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
    CHECK(bench.others() == "served");
    CHECK((!is_memory_measured || memory_kb(processor, "VmHWM") < before + 64 * 1024));
}

TEST_CASE("faults 31 to 35: pixel data that lies is kept as it is and decoded by nobody here")
{
    Bench bench;
    const Imager send{bench};
    const auto numbers = [](std::initializer_list<std::pair<std::uint32_t, unsigned>> changes) {
        return [all = std::vector(changes)](DataSet& data) {
            for (const auto& [tag, value] : all) {
                data.put_number(tag, "US", value);
            }
        };
    };
    std::vector<FaultCase> faults{
        {31, "size", "65535 x 65535 x 4 samples x 2147483647 frames", kept,
         send.with([](DataSet& data) {
             data.put_number(0x00280010, "US", 65535).put_number(0x00280011, "US", 65535);
             data.put_number(0x00280002, "US", 4).put(0x00280008, "IS", "2147483647");
         })},
        {31, "size", "no rows", kept, send.with(numbers({{0x00280010, 0}}))},
        {31, "size", "rows and columns as UL", kept, send.with([](DataSet& data) {
             data.put_number(0x00280010, "UL", 0xffffffff, 4);
             data.put_number(0x00280011, "UL", 0xffffffff, 4);
         })},
        {31, "size", "a negative number of frames", kept,
         send.with([](DataSet& data) { data.put(0x00280008, "IS", "-1"); })},
        {31, "size", "less pixels than there should be", kept,
         send.with([](DataSet& data) { data.put(0x7fe00010, "OB", "xx"); })},
        {32, "RLE", "4.6 kB for 65535 x 65535 pixels", kept,
         send.frames(hostile::rle, hostile::fragments("", {rle_bomb()}), 65535)},
        {33, "JPEG", "a TEM marker in front of the frame", kept,
         send.frames(hostile::jpeg_baseline,
                     hostile::fragments("", {jpeg(std::string{"\xff\x01", 2})}))},
        {34, "fragments", "more of them than frames", kept,
         send.frames(hostile::jpeg_lossless,
                     hostile::fragments("", {jpeg(""), jpeg(""), jpeg("")}))},
        {34, "fragments", "none", kept,
         send.frames(hostile::jpeg_lossless, hostile::fragments("", {}))},
        {34, "fragments", "an offset table that lies", kept,
         send.frames(hostile::jpeg_lossless,
                     hostile::fragments(raw::little(0xffffff00, 4), {jpeg("")}))},
        {34, "fragments", "one beyond the end of the file", "status c001: rejected/unparsable",
         send.frames(hostile::jpeg_lossless,
                     hostile::long_header(0x7fe00010, "OB", hostile::undefined) + hostile::item(0)
                         + hostile::item(100'000) + raw::even(jpeg(""), '\0'))},
        {34, "fragments", "no delimiter behind them", "status c001: rejected/unparsable",
         send.frames(hostile::jpeg_lossless,
                     hostile::long_header(0x7fe00010, "OB", hostile::undefined)
                         + hostile::item(0))},
        {35, "bits", "high bit 15 of 8", kept, send.with(numbers({{0x00280102, 15}}))},
        {35, "bits", "1 allocated", kept,
         send.with(numbers({{0x00280100, 1}, {0x00280101, 1}, {0x00280102, 0}}))},
        {35, "bits", "12 allocated", kept, send.with(numbers({{0x00280100, 12}}))},
        {35, "bits", "52 allocated, all signed", kept,
         send.with(numbers({{0x00280100, 52}, {0x00280103, 1}}))},
        {35, "bits", "a palette with a wrong descriptor", kept, send.with([](DataSet& data) {
             data.put(0x00280004, "CS", "PALETTE COLOR");
             data.put(0x00281101, "US", "xx").put(0x00281201, "OW", "xx");
         })},
        {35, "bits", "YBR planar and short", kept, send.with([](DataSet& data) {
             data.put(0x00280004, "CS", "YBR_FULL").put_number(0x00280002, "US", 3);
             data.put_number(0x00280006, "US", 1);
         })},
    };
    for (const auto& [name, syntax] :
         {std::pair{"JPEG", hostile::jpeg_lossless}, std::pair{"JPEG-LS", hostile::jpeg_ls},
          std::pair{"JPEG 2000", hostile::jpeg_2000}}) {
        for (const std::size_t kilobytes : {0U, 1U, 2U, 3U}) {
            const auto frame = (jpeg("") + std::string(4096, '\x33')).substr(0, kilobytes * 1024);
            faults.push_back({34, "cut frames",
                              std::string{name} + " of " + std::to_string(kilobytes) + " kB", kept,
                              send.frames(syntax, hostile::fragments("", {frame}))});
        }
    }
    // Objects are received in children, each with what its parent may have.
    limit_memory(bench.receiver_pid(), 64);
    const auto processor = store::running_daemon(ingest::pid_file(bench.config())).value();
    const auto before = memory_kb(processor, "VmHWM");

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
    CHECK((!is_memory_measured || memory_kb(processor, "VmHWM") < before + 64 * 1024));
}
