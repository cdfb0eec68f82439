// SPDX-License-Identifier: MIT
// What leaves with the picture: nothing that stands beside it in the pixel data element.
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/pixel_copy.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/code_streams.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <algorithm>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using phantom::encapsulated;
using phantom::put;
using phantom::text;
using streams::little;
using streams::name;
using streams::segment;

namespace {

constexpr auto explicit_little = "1.2.840.10008.1.2.1";
constexpr auto implicit_little = "1.2.840.10008.1.2";
constexpr auto deflated = "1.2.840.10008.1.2.1.99";
constexpr auto jpeg_baseline = "1.2.840.10008.1.2.4.50";

Item image()
{
    auto data = phantom::image();
    phantom::put_size(data, 16, 16, 8);
    return data;
}

struct Result {
    FileReport report;
    std::string bytes; ///< of the output
};

Result process(const Item& data, std::string_view syntax, const std::string& pixels,
               Mode mode = Mode::apply)
{
    const TempDir root;
    const auto made = phantom::write(root / "in.dcm", data, syntax, pixels);
    const auto report =
        anonymize_files({made.file}, root / "out", phantom::settings(root.path), mode);
    const auto& file = report.files.front();
    const bool is_written = file.verdict == Verdict::written && mode == Mode::apply;
    return {file, is_written ? phantom::slurp(file.output) : std::string{}};
}

std::string refusal(const Item& data, std::string_view syntax, const std::string& pixels)
{
    const auto result = process(data, syntax, pixels);
    CHECK(result.report.verdict == Verdict::refused);
    return result.report.reason;
}

std::string native(const std::string& value, const std::string& vr = "OB")
{
    return std::string{"\xe0\x7f\x10\0", 4} + vr + std::string(2, '\0') + little(value.size(), 4)
           + value;
}

} // namespace

TEST_CASE("comments, EXIF and thumbnails in compressed frames do not leave")
{
    struct Row {
        const char* syntax;
        std::string clean;
        std::string planted;
    };
    const auto comment = segment(0x64, std::string{"\0\1", 2} + name);
    const auto no_comment = segment(0x64, std::string{"\0\1", 2} + std::string(name.size(), '\0'));
    const auto words = segment(0xe1, "Exif" + name) + segment(0xfe, name);
    const auto no_words = segment(0xe1, std::string(4 + name.size(), '\0'))
                          + segment(0xfe, std::string(name.size(), '\0'));
    const auto row = GENERATE_COPY(values<Row>(
        {{jpeg_baseline, streams::jpeg(no_words, no_words), streams::jpeg(words, words)},
         {"1.2.840.10008.1.2.4.80", streams::jpeg_ls(no_words), streams::jpeg_ls(words)},
         {"1.2.840.10008.1.2.4.90", streams::jpeg_2000(no_comment), streams::jpeg_2000(comment)}}));
    CAPTURE(row.syntax);
    const auto clean = row.clean + std::string(name.size() + 1, '\0');
    const auto planted = row.planted + name + "!";

    SECTION("in one fragment, with an offset table that stays")
    {
        const auto result =
            process(image(), row.syntax, encapsulated({planted}, std::string(4, '\0')));

        REQUIRE(result.report.reason.empty());
        CHECK(result.bytes.ends_with(encapsulated({clean}, std::string(4, '\0'))));
        CHECK(result.bytes.find("Nordmann") == std::string::npos);
    }
    SECTION("in fragments that cut them")
    {
        const auto at = planted.find("Ola");
        const auto result =
            process(image(), row.syntax, encapsulated({planted.substr(0, at), planted.substr(at)}));

        REQUIRE(result.report.reason.empty());
        CHECK(result.bytes.ends_with(encapsulated({clean.substr(0, at), clean.substr(at)})));
    }
    SECTION("in the second frame")
    {
        auto data = image();
        put(data, text({0x0028, 0x0008}, "IS", "2"));
        const auto result = process(data, row.syntax, encapsulated({clean, planted}));

        REQUIRE(result.report.reason.empty());
        CHECK(result.bytes.ends_with(encapsulated({clean, clean})));
    }
}

TEST_CASE("a frame longer than any window is walked to its end")
{
    const std::string noise(200'000, '\x12');
    const auto stream = [&](const std::string& words) {
        return streams::jpeg({}, noise + segment(0xfe, words) + segment(0xda, {"\1\1\0\0\x3f\0", 6})
                                     + noise + segment(0xe5, words));
    };

    const auto result = process(image(), jpeg_baseline, encapsulated({stream(name)}));

    REQUIRE(result.report.reason.empty());
    CHECK(result.bytes.ends_with(encapsulated({stream(std::string(name.size(), '\0'))})));
}

TEST_CASE("an offset table that is none is emptied")
{
    const auto stream = streams::jpeg() + std::string(streams::jpeg().size() % 2, '\0');

    const auto result = process(image(), jpeg_baseline, encapsulated({stream}, name + "!"));

    REQUIRE(result.report.reason.empty());
    CHECK(result.bytes.ends_with(encapsulated({stream})));
    CHECK(result.bytes.find("Nordmann") == std::string::npos);
    CHECK(result.report.bytes == result.bytes.size());
}

TEST_CASE("compressed frames that cannot be walked are refused with a reason, also in a dry run")
{
    const auto pixels = encapsulated({"\xff\xd8" + name});
    CHECK_THAT(refusal(image(), jpeg_baseline, pixels), Contains("cannot be walked"));
    CHECK_THAT(process(image(), jpeg_baseline, pixels, Mode::dry_run).report.reason,
               Contains("cannot be walked"));
    CHECK_THAT(refusal(image(), jpeg_baseline, encapsulated({streams::jpeg(), streams::jpeg()})),
               Contains("the header declares 1"));
    CHECK_THAT(refusal(image(), "1.2.840.10008.1.2.4.110", encapsulated({"\xff\x0a"})),
               Contains("nobody here can look into frames"));
}

TEST_CASE("what follows the last frame of native data does not leave")
{
    const auto* const syntax = GENERATE(explicit_little, deflated);
    const std::string picture(256, 'p');

    const auto result = process(image(), syntax, native(picture + name + "!"));

    REQUIRE(result.report.reason.empty());
    CHECK(result.bytes.ends_with(native(picture + std::string(name.size() + 1, '\0'))));
}

TEST_CASE("pictures behind the frames that the header declares are not cut off")
{
    auto data = image();
    const std::string pictures(3 * 256, 'p');
    const auto* const what = "NumberOfFrames (0028,0008)";
    CHECK_THAT(refusal(data, explicit_little, native(pictures)), Contains(what));
    CHECK_THAT(process(data, explicit_little, native(pictures), Mode::dry_run).report.reason,
               Contains(what));
    put(data, text({0x0028, 0x0008}, "IS", "3"));
    CHECK(process(data, explicit_little, native(pictures)).bytes.ends_with(native(pictures)));
}

TEST_CASE("what follows the picture in a segment of an RLE frame does not leave")
{
    const auto frame = [](const std::string& behind) {
        return std::string{"\1\0\0\0\x40\0\0\0", 8} + std::string(56, '\0') + "\x81p\x81p" + behind;
    };

    const auto result = process(image(), "1.2.840.10008.1.2.5", encapsulated({frame(name)}));

    REQUIRE(result.report.reason.empty());
    CHECK(result.bytes.ends_with(encapsulated({frame(std::string(name.size(), '\0'))})));
}

TEST_CASE("an extended offset table leaves where it names the fragments, else not")
{
    constexpr Tag offsets{0x7fe0, 0x0001};
    constexpr Tag lengths{0x7fe0, 0x0002};
    const auto stream = streams::jpeg() + std::string(streams::jpeg().size() % 2, '\0');
    const auto length = little(stream.size(), 8);
    auto data = image();
    put(data, text({0x0028, 0x0008}, "IS", "2"));
    const auto has_tables = [&](const std::string& first, const std::string& second,
                                std::string_view syntax, const std::string& pixels) {
        put(data, text(offsets, "OV", first));
        put(data, text(lengths, "OV", second));
        const auto result = process(data, syntax, pixels);
        CHECK(result.report.reason.empty());
        CHECK(result.bytes.find("NORDMANN") == std::string::npos);
        const auto found = result.bytes.find(std::string{"\xe0\x7f\2\0OV", 6} + std::string(2, '\0')
                                             + little(second.size(), 4) + second);
        CHECK((found != std::string::npos)
              == (result.bytes.find(std::string{"\xe0\x7f\1\0", 4}) != std::string::npos));
        return found != std::string::npos;
    };
    const auto frames = encapsulated({stream, stream});
    const auto places = little(0, 8) + little(stream.size() + 8, 8);
    CHECK(has_tables(places, length + length, jpeg_baseline, frames));

    CHECK_FALSE(has_tables(places + "NORDMANN", length + length, jpeg_baseline, frames));
    CHECK_FALSE(has_tables(places, length + "NORDMANN", jpeg_baseline, frames));
    CHECK_FALSE(has_tables("NORDMANN", "NORDMANN", jpeg_baseline, frames));
    CHECK_FALSE(has_tables("NORDMANN", "NORDMANN", explicit_little, native(std::string(512, 'p'))));
    SECTION("not inside of a sequence")
    {
        Item icon;
        put(icon, text(offsets, "OV", "NORDMANN"));
        put(data, phantom::sequence({0x0008, 0x1140}, {icon}));
        CHECK(has_tables(places, length + length, jpeg_baseline, frames));
    }
}

TEST_CASE("an image with an overlay in bits that no sample uses is refused")
{
    auto data = image();
    phantom::put_size(data, 16, 16, 16);
    const auto put_number = [&](Tag tag, unsigned value) {
        put(data, text(tag, "US", little(value, 2)));
    };
    put_number({0x0028, 0x0101}, 12);
    put_number({0x0028, 0x0102}, 11);
    put_number({0x6002, 0x0102}, 12);
    const auto pixels = native(std::string(512, 'p'), "OW");
    CHECK_THAT(refusal(data, explicit_little, pixels), Contains("an overlay in unused bits"));

    SECTION("also where the overlay has an element of its own, with data or without")
    {
        put(data, text({0x6002, 0x3000}, "OW", GENERATE("", "DRAWN!")));
        CHECK_THAT(refusal(data, explicit_little, pixels), Contains("an overlay in unused bits"));
    }
    SECTION("not where it has, and does not name such a bit")
    {
        put(data, text({0x6002, 0x3000}, "OW", "DRAWN!"));
        put_number({0x0028, 0x0102}, 15);
        put_number({0x6002, 0x0102}, 0);
        CHECK(process(data, explicit_little, pixels).report.reason.empty());
        put(data, text({0x6002, 0x3000}, "OW", ""));
        CHECK_THAT(refusal(data, explicit_little, pixels), Contains("an overlay in unused bits"));
    }
    SECTION("not where the bit is one of the picture's")
    {
        put_number({0x6002, 0x0102}, 0);
        CHECK(process(data, explicit_little, pixels).report.reason.empty());
    }
}

TEST_CASE("no other element hides in the pixel data")
{
    const auto late_name =
        std::string{"\x10\0\x10\0PN", 6} + little(name.size() + 1, 2) + name + " ";
    const auto item = std::string{"\xfe\xff\x00\xe0", 4} + little(late_name.size(), 4) + late_name;
    const auto open = [](const std::string& vr) {
        return std::string{"\xe0\x7f\x10\0", 4} + vr + std::string{"\0\0\xff\xff\xff\xff", 6};
    };
    const std::string end{"\xfe\xff\xdd\xe0\0\0\0\0", 8};

    CHECK_THAT(refusal(image(), deflated, encapsulated({"abcd"}) + late_name),
               Contains("does not fit the transfer syntax"));
    CHECK_THAT(refusal(image(), explicit_little, encapsulated({"abcd"})),
               Contains("does not fit the transfer syntax"));
    CHECK_THAT(refusal(image(), implicit_little,
                       std::string{"\xe0\x7f\x10\0\xff\xff\xff\xff", 8}
                           + encapsulated({"abcd"}).substr(12)),
               Contains("does not fit the transfer syntax"));
    CHECK_THAT(refusal(image(), explicit_little, native(item, "SQ")),
               Contains("illegal value representation"));
    CHECK_THAT(refusal(image(), explicit_little, open("SQ") + item + end),
               Contains("illegal value representation"));
    CHECK_THAT(refusal(image(), jpeg_baseline, open("UN") + item + end), Contains(""));
}

TEST_CASE("what was written is looked at again")
{
    const TempDir root;
    const dicom::PixelShape shape{.rows = 16, .columns = 16, .bits_allocated = 8};
    const auto remains = [&](const std::string& bytes, const char* syntax) {
        store::write_file(root / "f", bytes);
        const UniqueFd fd{::open((root / "f").c_str(), O_RDONLY | O_CLOEXEC)};
        Layout layout;
        layout.transfer_syntax = syntax;
        return remains_beside_picture(fd.get(), 0, layout, shape);
    };
    const std::string picture(256, 'p');
    CHECK(remains(native(picture), explicit_little).empty());
    CHECK(remains(encapsulated({streams::jpeg()}), jpeg_baseline).empty());

    CHECK(remains(native(picture) + "more", explicit_little) == "bytes behind the pixel data");
    CHECK(remains(native(picture + "more"), explicit_little) == "bytes that are no picture");
    CHECK(remains(encapsulated({streams::jpeg()}) + "more", jpeg_baseline)
          == "bytes behind the pixel data");
    CHECK(remains(encapsulated({streams::jpeg(segment(0xfe, name))}), jpeg_baseline)
          == "bytes that are no picture");
    CHECK(remains(encapsulated({streams::jpeg()}, "Ola!"), jpeg_baseline)
          == "an offset table that is none");
}
