// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/dicom/code_stream.h"
#include "libfiona/dicom/fragments.h"
#include "tests/support/code_streams.h"
#include "tests/support/hostile_file.h"
#include "tests/support/phantom_file.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fiona;
using namespace fiona::dicom;
using Catch::Contains;
using streams::big;
using streams::jfif;
using streams::little;
using streams::name;
using streams::segment;

namespace {

constexpr std::uint64_t frame_bytes = 256;
constexpr FrameSize one_plane{frame_bytes, 1};

/// What is told of one frame.
std::string remarks_in(const std::string& frame, FrameCoding coding,
                       const FrameSize& size = one_plane)
{
    std::string told;
    find_remarks(std::as_bytes(std::span{frame}), coding, size,
                 [&](const ByteRange& range) { told += frame.substr(range.offset, range.bytes); });
    return told;
}

struct Walk {
    std::string told;
    WalkedFrames frames;
};

Walk walk(const std::vector<std::string>& fragments, FrameCoding coding)
{
    constexpr std::uint64_t first_fragment = 20; // head of the element, and an empty table
    const auto element = phantom::encapsulated(fragments);
    Walk result;
    Fragments bytes{std::as_bytes(std::span{element}), first_fragment, [&](const ByteRange& range) {
                        result.told += element.substr(range.offset, range.bytes);
                    }};
    result.frames = walk_frames(bytes, coding, one_plane);
    return result;
}

/// With the header, which says where they are.
std::string rle_frame(const std::vector<std::string>& segments)
{
    auto header = little(segments.size(), 4);
    std::uint64_t offset = 64;
    for (const auto& segment : segments) {
        header += little(offset, 4);
        offset += segment.size();
    }
    header.resize(64, '\0');
    for (const auto& segment : segments) {
        header += segment;
    }
    return header;
}

std::string box(std::string_view type, const std::string& value)
{
    return big(value.size() + 8, 4) + std::string{type} + value;
}

const std::string signature = box("jP  ", "\x0d\x0a\x87\x0a");
const std::string file_type = box("ftyp", "jp2 " + big(0, 4) + "jp2 ");
const std::string image_header =
    box("ihdr", big(16, 4) + big(16, 4) + big(1, 2) + std::string{"\7\7\0\0", 4});
const std::string grey = box("colr", std::string{"\1\0\0", 3} + big(17, 4));

/// Those of the header behind the image header.
std::string jp2(const std::string& boxes, const std::string& type = file_type)
{
    return signature + type + box("jp2h", image_header + boxes) + box("jp2c", streams::jpeg_2000());
}

std::string told_of_jp2(const std::string& boxes, const std::string& type = file_type)
{
    return remarks_in(jp2(boxes, type), FrameCoding::jpeg_2000);
}

} // namespace

TEST_CASE("what no decoder needs of a JPEG is told, and nothing else")
{
    CHECK(remarks_in(streams::jpeg(), FrameCoding::jpeg).empty());
    CHECK(remarks_in(streams::jpeg(segment(0xe0, jfif) + segment(0xee, streams::adobe)),
                     FrameCoding::jpeg)
              .empty());
    SECTION("comments, EXIF, profiles, also between scans")
    {
        const auto stream =
            streams::jpeg(segment(0xe1, "Exif:" + name) + segment(0xe2, "ICC") + segment(0xfe, "a"),
                          segment(0xfe, "b") + segment(0xed, "8BIM") + segment(0xfd, "c"));

        CHECK(remarks_in(stream, FrameCoding::jpeg) == "Exif:" + name + "ICCab8BIMc");
    }
    SECTION("thumbnails")
    {
        const auto stream =
            streams::jpeg(segment(0xe0, jfif + "thumb") + segment(0xe0, "JFXX" + name));

        CHECK_THAT(remarks_in(stream, FrameCoding::jpeg), Contains("thumbJFXX" + name));
        CHECK_THAT(remarks_in(stream, FrameCoding::jpeg), !Contains("JFIF"));
    }
    SECTION("what is more than Adobe's own")
    {
        CHECK(remarks_in(streams::jpeg(segment(0xee, streams::adobe + name)), FrameCoding::jpeg)
              == name);
    }
    SECTION("behind the end, another picture as well")
    {
        CHECK(remarks_in(streams::jpeg() + name, FrameCoding::jpeg) == name);
        CHECK(remarks_in(streams::jpeg() + streams::jpeg(), FrameCoding::jpeg) == streams::jpeg());
    }
    SECTION("fill bytes are none")
    {
        CHECK(remarks_in(streams::jpeg("\xff\xff" + segment(0xfe, "a")), FrameCoding::jpeg) == "a");
    }
}

TEST_CASE("JPEG-LS has segments and a scan of its own")
{
    CHECK(remarks_in(streams::jpeg_ls(), FrameCoding::jpeg_ls).empty());
    CHECK(
        remarks_in(streams::jpeg_ls(segment(0xe8, std::string{"mrfx\1", 5})), FrameCoding::jpeg_ls)
            .empty()); // HP's transform, which decoders obey
    CHECK(remarks_in(streams::jpeg_ls(segment(0xe8, "SPIFF") + segment(0xfe, name)),
                     FrameCoding::jpeg_ls)
          == "SPIFF" + name);
}

TEST_CASE("what no decoder needs of a JPEG 2000 stream is told, and nothing else")
{
    using streams::TileLength;
    const auto last = GENERATE(TileLength::named, TileLength::open);
    const auto comment = segment(0x64, std::string{"\0\1", 2} + name);
    CHECK(remarks_in(streams::jpeg_2000({}, last), FrameCoding::jpeg_2000).empty());

    const auto stream = streams::jpeg_2000(comment + segment(0x6f, "?"), last);

    CHECK(remarks_in(stream, FrameCoding::jpeg_2000) == name + "?" + name + "?" + name + "?");
    CHECK(remarks_in(streams::jpeg_2000({}, last) + "\xff\x4f" + name, FrameCoding::jpeg_2000)
          == "\xff\x4f" + name);
}

TEST_CASE("a JPEG 2000 file in the place of a code stream is walked, too")
{
    const auto file = signature + file_type + box("jp2h", image_header + grey) + box("xml ", name)
                      + box("jp2c", streams::jpeg_2000()) + box("uuid", name);

    const auto told = remarks_in(file, FrameCoding::jpeg_2000);

    CHECK(told.starts_with(name));
    CHECK(told.ends_with("uuid" + name));
    CHECK(told.size() == name.size() + 8 + name.size());
}

TEST_CASE("of a JPEG 2000 file's own header stays what says how to decode")
{
    const auto icc = std::string{"\2\0\0", 3} + "desc" + name;
    const auto depths = box("bpcc", "\7");
    const auto palette =
        box("pclr", big(2, 2) + std::string{"\3\7\7\7", 4} + "Olavla") + box("cmap", big(0x100, 4));
    const auto channels = box("cdef", big(1, 2) + big(0, 4) + big(65535, 2));
    const auto resolution = box("res ", box("resc", "0123456789") + box("resd", "0123456789"));
    CHECK(told_of_jp2(depths + palette + channels + resolution + grey).empty());

    CHECK(told_of_jp2(grey + box("xml ", name)) == name);
    CHECK(told_of_jp2(grey + box("uuid", name)) == name);
    CHECK(told_of_jp2(grey + box("asoc", box("lbl ", name))).ends_with("lbl " + name));
    CHECK(told_of_jp2(box("colr", icc)) == icc); // as if it were a method of the future
    CHECK(told_of_jp2(grey + box("colr", std::string{"\3\0\0", 3} + name)).ends_with(name));
    CHECK(told_of_jp2(box("NORD", "MANN")) == "NORDMANN");
    CHECK(told_of_jp2(grey + "Ola") == "Ola");
    SECTION("what is behind the numbers of a box")
    {
        CHECK(told_of_jp2(box("colr", std::string{"\1\0\0", 3} + big(16, 4) + name)) == name);
        CHECK(told_of_jp2(box("bpcc", "\7" + name)) == name);
        CHECK(told_of_jp2(box("bpcc", "O")) == "O");
        CHECK(told_of_jp2(box("pclr", big(1, 2) + std::string{"\1\7p", 3} + name)) == name);
        CHECK(told_of_jp2(box("cmap", big(0, 4) + "NameOla")) == "NameOla");
        CHECK(told_of_jp2(box("cdef", big(1, 2) + big(0, 6) + name)) == name);
        CHECK(told_of_jp2(box("cdef", big(2, 2) + big(0, 6) + "Person")) == "Person");
        CHECK(told_of_jp2(box("res ", box("resc", "0123456789") + name)) == name);
        CHECK_THAT(told_of_jp2(box("res ", box("resc", name))), Contains(name.substr(0, 10)));
    }
    SECTION("and of the file's type the brands that somebody registered")
    {
        CHECK(told_of_jp2(grey, box("ftyp", "jpx " + big(0, 4) + "jp2 jpx jpxb")).empty());
        CHECK(told_of_jp2(grey, box("ftyp", "Nord" + std::string{"mann"} + "jp2 Ola "))
              == "NordmannOla ");
    }
    SECTION("lengths that cannot be are refused")
    {
        CHECK_THROWS_AS(told_of_jp2(big(4, 4) + "xml "), Error);
        CHECK_THROWS_AS(told_of_jp2(big(9999, 4) + "xml " + name), Error);
        CHECK_THROWS_AS(told_of_jp2(box("ihdr", name)), Error);
        CHECK_THROWS_AS(told_of_jp2(grey, box("ftyp", "jp2 ")), Error);
        const auto head = signature + file_type + box("jp2h", image_header);
        CHECK(remarks_in(head + big(1, 4) + "jp2c" + big(0, 8) + streams::jpeg_2000(),
                         FrameCoding::jpeg_2000)
                  .empty());
        CHECK_THROWS_AS(remarks_in(head + big(1, 4) + "jp2cNordmann" + streams::jpeg_2000(),
                                   FrameCoding::jpeg_2000),
                        Error);
    }
}

TEST_CASE("the header of an RLE frame has room for words, and so has what is before its segments")
{
    const std::string picture{"\x81p\x81p"}; // two runs of 128
    auto frame = rle_frame({picture});
    CHECK(remarks_in(frame, FrameCoding::rle).empty());
    CHECK_THAT(remarks_in(frame.replace(20, name.size(), name), FrameCoding::rle), Contains(name));
    frame = rle_frame({picture}).insert(64, "gap");
    frame[4] += 3;
    CHECK(remarks_in(frame, FrameCoding::rle) == "gap");
}

TEST_CASE("a segment of an RLE frame ends with its plane")
{
    const std::string runs{"\x81p\x81p"};
    const auto literal = "\x7f" + std::string(128, 'p') + "\x80\x7f" + std::string(128, 'q');
    const FrameSize two_planes{2 * frame_bytes, 2};
    CHECK(remarks_in(rle_frame({runs + '\0'}), FrameCoding::rle).empty());
    CHECK(remarks_in(rle_frame({literal}), FrameCoding::rle).empty());
    CHECK(remarks_in(rle_frame({runs, literal}), FrameCoding::rle, two_planes).empty());

    CHECK(remarks_in(rle_frame({runs + name}), FrameCoding::rle) == name);
    CHECK(remarks_in(rle_frame({literal + name}), FrameCoding::rle) == name);
    CHECK(remarks_in(rle_frame({runs + name, literal + "!"}), FrameCoding::rle, two_planes)
          == name + "!");
    SECTION("also inside of its last run")
    {
        const auto more = std::string{"\x81p\x82p\x11p"} + name.substr(0, 17);
        CHECK(remarks_in(rle_frame({more}), FrameCoding::rle) == name.substr(0, 17));
        CHECK(remarks_in(rle_frame({"\x81p\x81p\x11" + name}), FrameCoding::rle) == "\x11" + name);
    }
    SECTION("or before, where the frame is cut off")
    {
        CHECK(remarks_in(rle_frame({"\x81p\x7fpp"}), FrameCoding::rle).empty());
        CHECK(remarks_in(rle_frame({"\x81p\x81"}), FrameCoding::rle).empty());
    }
    SECTION("longer than any window")
    {
        constexpr std::size_t runs_of_128 = 3000;
        std::string long_one;
        for (std::size_t i = 0; i < runs_of_128; ++i) {
            long_one += "\x7f" + std::string(128, 'p');
        }
        const FrameSize size{runs_of_128 * 128, 1};
        CHECK(remarks_in(rle_frame({long_one + name}), FrameCoding::rle, size) == name);
    }
    SECTION("and there are as many as a pixel has bytes")
    {
        CHECK_THROWS_AS(remarks_in(rle_frame({runs, name}), FrameCoding::rle), Error);
        CHECK_THROWS_AS(remarks_in(rle_frame({runs}), FrameCoding::rle, two_planes), Error);
        CHECK_THROWS_AS(remarks_in(rle_frame({runs}), FrameCoding::rle, {0, 1}), Error);
        auto crossed = rle_frame({runs, runs});
        std::swap(crossed[4], crossed[8]);
        CHECK_THROWS_AS(remarks_in(crossed, FrameCoding::rle, two_planes), Error);
    }
}

TEST_CASE(
    "a deflated frame ends where its stream does, and has no more samples than the header says")
{
    const auto frame = hostile::deflate(std::string(frame_bytes, 'p'));
    CHECK(remarks_in(frame, FrameCoding::deflated).empty());
    CHECK(remarks_in(frame + "\1" + name, FrameCoding::deflated).ends_with("\1" + name));
    CHECK_THROWS_WITH(
        remarks_in(hostile::deflate(std::string(frame_bytes + 2, 'p')), FrameCoding::deflated),
        Contains("more samples"));
}

TEST_CASE("a frame that is cut into fragments anywhere is walked as one")
{
    struct Row {
        FrameCoding coding;
        std::string stream;
        std::string remarks;
    };
    const auto comment = segment(0x64, std::string{"\0\1", 2} + name);
    const auto row = GENERATE_COPY(values<Row>(
        {{FrameCoding::jpeg,
          streams::jpeg(segment(0xe0, jfif + "thumb") + segment(0xfe, name), segment(0xe1, name)),
          "thumb" + name + name},
         {FrameCoding::jpeg_ls, streams::jpeg_ls(segment(0xfe, name)), name},
         {FrameCoding::jpeg_2000, streams::jpeg_2000(comment), name + name + name},
         {FrameCoding::jpeg_2000, jp2(grey + box("xml ", name)), name},
         {FrameCoding::jpeg_2000, streams::jpeg_2000(comment, streams::TileLength::open),
          name + name + name}}));

    for (std::size_t cut = 1; cut < row.stream.size(); ++cut) {
        CAPTURE(static_cast<int>(row.coding), cut);
        const auto result =
            walk({row.stream.substr(0, cut), row.stream.substr(cut), row.stream}, row.coding);
        CHECK_THAT(result.told, Contains(row.remarks));
        CHECK(result.told.size() <= 2 * remarks_in(row.stream, row.coding).size());
        CHECK(result.frames.count == 2);
    }
}

TEST_CASE("a stream without its end is a frame all the same")
{
    for (const auto& [coding, stream] :
         {std::pair{FrameCoding::jpeg, streams::jpeg()},
          std::pair{FrameCoding::jpeg_2000, streams::jpeg_2000()},
          std::pair{FrameCoding::jpeg_2000, streams::jpeg_2000({}, streams::TileLength::open)}}) {
        const auto open = stream.substr(0, stream.size() - 2);
        const auto result = walk({open, open + std::string(1, '\0')}, coding);
        CHECK(result.told.empty());
        CHECK(result.frames.count == 2);
        CHECK_FALSE(result.frames.are_followed);
    }
    CHECK(walk({streams::jpeg() + streams::jpeg()}, FrameCoding::jpeg).frames.are_followed);
}

TEST_CASE("streams that cannot be walked are refused")
{
    const auto jpeg = streams::jpeg();
    const auto j2k = streams::jpeg_2000();
    const std::vector<std::pair<FrameCoding, std::string>> broken{
        {FrameCoding::jpeg, name},
        {FrameCoding::jpeg, "\xff\xd8\xff\xd9"},                          // no picture
        {FrameCoding::jpeg, jpeg.substr(0, 20)},                          // cut off in a table
        {FrameCoding::jpeg, "\xff\xd8" + name + jpeg.substr(2)},          // no marker
        {FrameCoding::jpeg, streams::jpeg(segment(0xdc, "12" + name))},   // DNL has two bytes
        {FrameCoding::jpeg, streams::jpeg({}, "\xff\xd8")},               // a picture inside
        {FrameCoding::jpeg, streams::jpeg({}, "\xff\xf7")},               // no JPEG-LS
        {FrameCoding::jpeg_2000, std::string{"\0\0\0\x0cjP  ", 8} + j2k}, // the file format
        {FrameCoding::jpeg_2000, j2k.substr(0, j2k.size() - 4)},
        {FrameCoding::jpeg_2000, j2k.substr(0, j2k.size() - 2) + name},
        {FrameCoding::rle, std::string(64, '\0')},
        {FrameCoding::rle, name},
        {FrameCoding::deflated, name},
        {FrameCoding::unknown, name},
    };
    for (const auto& [coding, stream] : broken) {
        CAPTURE(static_cast<int>(coding), stream.size());
        CHECK_THROWS_AS(remarks_in(stream, coding), Error);
    }
}

TEST_CASE("a transfer syntax says how frames are coded")
{
    CHECK(frame_coding_of("1.2.840.10008.1.2.1") == FrameCoding::native);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.50") == FrameCoding::jpeg);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.57") == FrameCoding::jpeg);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.80") == FrameCoding::jpeg_ls);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.203") == FrameCoding::jpeg_2000);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.67") == FrameCoding::unknown);
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.110") == FrameCoding::unknown); // JPEG XL
    CHECK(frame_coding_of("1.2.840.10008.1.2.4.5") == FrameCoding::unknown);
}
