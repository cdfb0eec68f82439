// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/pdf_drawing.h"
#include "libfiona/anonymize/pdf_lexer.h"
#include "libfiona/anonymize/pdf_objects.h"
#include "libfiona/base/process.h"
#include "tests/support/phantom_file.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <zlib.h>

#include <string>
#include <vector>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using phantom::put;
using phantom::text;

namespace {

std::string deflated(const std::string& bytes)
{
    auto size = ::compressBound(bytes.size());
    std::string packed(size, '\0');
    REQUIRE(::compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                       reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())
            == Z_OK);
    packed.resize(size);
    return packed;
}

std::string big_endian(std::size_t value, unsigned width)
{
    std::string bytes;
    for (unsigned i = width; i > 0; --i) {
        bytes += static_cast<char>(value >> (8 * (i - 1)));
    }
    return bytes;
}

struct Pdf {
    std::string words = "A lesion in the left kidney";
    std::string catalog; ///< more for the catalog, which lies in the object stream
    std::string filter = "/Filter /FlateDecode ";
    std::string marker = "/ObjStm";
    std::string font = {};       ///< more for the font
    std::string drawn = {};      ///< behind the words
    std::string to_unicode = {}; ///< the map of the font's letters
    std::string stated = {};     ///< of the document's information
    std::string second = {};     ///< words in a second font, which alone has the map then
    std::string loose = {};      ///< objects that the table does not know
};

/// A page of words; all objects but its content lie in one compressed stream (PDF 1.5).
std::string made(const Pdf& wish)
{
    const std::vector<std::pair<int, std::string>> objects{
        {1, "<< /Type /Catalog /Pages 2 0 R " + wish.catalog + ">>"},
        {2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"},
        {3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R /F2 10 0 R >> >> >>"},
        {5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica " + wish.font
                + (wish.to_unicode.empty() || !wish.second.empty() ? "" : "/ToUnicode 8 0 R ")
                + ">>"},
        {9, "<< " + wish.stated + ">>"},
        {10, "<< /Type /Font /Subtype /Type1 /BaseFont /Courier "
                 + std::string{wish.to_unicode.empty() ? "" : "/ToUnicode 8 0 R "} + ">>"}};
    std::string numbers;
    std::string bodies;
    for (const auto& [number, body] : objects) {
        numbers += fmt::format("{} {} ", number, bodies.size());
        bodies += body + "\n";
    }
    std::vector<std::string> entries(11, big_endian(0, 7));
    for (std::size_t i = 0; i < objects.size(); ++i) {
        entries[static_cast<std::size_t>(objects[i].first)] =
            "\x02" + big_endian(6, 4) + big_endian(i, 2);
    }
    std::string pdf = "%PDF-1.5\n";
    const auto add = [&](std::size_t number, const std::string& dictionary,
                         const std::string& stream) {
        entries[number] = "\x01" + big_endian(pdf.size(), 4) + big_endian(0, 2);
        pdf += fmt::format("{} 0 obj\n<< {}/Length {} >>\nstream\n{}\nendstream\nendobj\n", number,
                           dictionary, stream.size(), stream);
    };
    add(4, "",
        "BT /F1 12 Tf 20 100 Td (" + wish.words + ") Tj ET\n" + wish.drawn
            + (wish.second.empty() ? "" : "BT /F2 12 Tf 20 50 Td (" + wish.second + ") Tj ET\n"));
    if (!wish.to_unicode.empty()) {
        add(8, "", wish.to_unicode);
    }
    pdf += wish.loose;
    const auto packed = wish.filter.empty() ? numbers + bodies : deflated(numbers + bodies);
    add(6,
        fmt::format("/Type {} /N {} /First {} {}", wish.marker, objects.size(), numbers.size(),
                    wish.filter),
        packed);
    const auto start = pdf.size();
    entries[7] = "\x01" + big_endian(start, 4) + big_endian(0, 2);
    std::string table;
    for (const auto& entry : entries) {
        table += entry;
    }
    pdf += fmt::format(
        "7 0 obj\n<< /Type /XRef /Size 11 /W [1 4 2] /Root 1 0 R /Info 9 0 R /Length {} >>\n"
        "stream\n{}\nendstream\nendobj\nstartxref\n{}\n%%EOF\n",
        table.size(), table, start);
    return pdf;
}

FileReport processed(const std::string& document)
{
    const TempDir root;
    auto data = phantom::image();
    put(data, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.104.1"));
    put(data, text({0x0042, 0x0012}, "LO", "application/pdf"));
    put(data, text({0x0042, 0x0011}, "OB", document + (document.size() % 2 == 0 ? "" : " ")));
    const auto file = phantom::write(root / "in.dcm", data);
    auto settings = phantom::settings(root.path);
    settings.documents = Documents::if_clean;
    return anonymize_files({file.file}, root / "out", settings).files.at(0);
}

bool has_poppler()
{
    try {
        static_cast<void>(run({{"pdftotext", "-v"}}));
        return true;
    } catch (const std::exception&) {
        skip("poppler-utils is not installed");
        return false;
    }
}

} // namespace

TEST_CASE("a PDF whose objects lie in a compressed stream passes if nothing in it identifies")
{
    if (!has_poppler()) {
        return;
    }
    const auto filter = GENERATE("/Filter /FlateDecode ", "/Filter [ /FlateDecode ] ", "");

    const auto report = processed(made({.catalog = {}, .filter = filter}));

    INFO(report.reason);
    CHECK(report.verdict == Verdict::written);
}

TEST_CASE("what a PDF hides in a compressed stream is found")
{
    if (!has_poppler()) {
        return;
    }
    const auto* const hidden = GENERATE("/Outlines 9 0 R ", "/AcroForm << >> ", "/A#6e#6eots [] ",
                                        "/Names << /JavaScript 9 0 R >> ", "/Alt (Kari) ",
                                        "/PieceInfo << /X << /Private (so) >> >> ",
                                        "/Metadata 8 0 R /Font << /Metadata 9 0 R >> ");
    CAPTURE(hidden);

    const auto report = processed(made({.catalog = hidden}));

    CHECK(report.verdict == Verdict::refused);
    CHECK_THAT(report.reason, Contains("hidden texts"));
}

TEST_CASE("words of a page are still looked at, whatever its objects lie in")
{
    if (!has_poppler()) {
        return;
    }
    const auto report =
        processed(made({.words = "Report on Kari, born 12.03.1961", .catalog = {}}));

    CHECK(report.verdict == Verdict::refused);
}

namespace {

std::string stream(const std::string& dictionary, const std::string& bytes)
{
    return fmt::format("20 0 obj\n<< {} >>\nstream\n{}\nendstream\nendobj\n", dictionary, bytes);
}

std::string packed_stream(const std::string& bytes, const std::string& dictionary = "")
{
    return stream(dictionary + "/Filter/FlateDecode", deflated(bytes));
}

std::string big_endian_utf16(std::string_view latin1)
{
    std::string bytes = "\xfe\xff";
    for (const char c : latin1) {
        bytes += '\0';
        bytes += c;
    }
    return bytes;
}

} // namespace

TEST_CASE("names in objects of a PDF that no page shows are found")
{
    if (!has_poppler()) {
        return;
    }
    const auto hidden = GENERATE(
        as<std::string>{}, "/PageLabels << /Nums [0 << /P (Kari) >>] >> ",
        "/StructTreeRoot << /K << /S /Sect /T (Report on Kari) >> >> ",
        "/StructTreeRoot << /T <4b 61 72 69> >> ", "/StructTreeRoot << /T (K\\141r\\\ni) >> ",
        "/StructTreeRoot << /T (" + big_endian_utf16("Pr\xf8ve") + ") >> ",
        "/StructTreeRoot << /T <FEFF0050007200F800760065> >> ", "/Dests << /Kari [3 0 R] >> ",
        "/Dests << /K#61ri [3 0 R] >> ", "% for Kari\n", "/StructTreeRoot << /T (1.2.2019) >> ");
    CAPTURE(hidden);

    const auto report = processed(made({.catalog = hidden}));

    CHECK(report.verdict == Verdict::refused);
    CHECK_THAT(report.reason, Contains("a part of a name") || Contains("looks like a date"));
}

TEST_CASE("streams of a PDF that no page uses are searched too")
{
    if (!has_poppler()) {
        return;
    }
    const std::string image = "/Type /XObject /Subtype /Image /Width 1 /Height 1 ";
    const auto [name, loose, reason] = GENERATE_REF(table<const char*, std::string, const char*>({
        {"a report", packed_stream("BT (Report on KARI) Tj ET"), "a part of a name"},
        {"letters with gaps", packed_stream("BT [(K) -20 (AR) 15.5 (I)] TJ ET"),
         "a part of a name"},
        {"hexadecimal", packed_stream("BT <4B415249> Tj ET"), "a part of a name"},
        {"escapes", stream("", "BT (K\\101RI) Tj ET"), "a part of a name"},
        {"another's name", packed_stream("BT (Seen by dr. Unknown) Tj ET"), "an address or a name"},
        {"no content", packed_stream("of Kari"), "a part of a name"},
        {"XML", packed_stream("<?xml version=\"1.0\"?><seen>2019-02-01</seen>"), "a date"},
        {"a picture", packed_stream("x", image), "a picture"},
        {"a picture in the content", packed_stream("q BI /W 1 /H 1 ID x EI Q"), "a picture"},
        {"another filter", stream("/Filter /LZWDecode", "x"), "cannot be read"},
        {"two filters", stream("/Filter [/ASCIIHexDecode /FlateDecode]", "x"), "cannot be read"},
        {"the name of a filter", stream("/Filter 9 0 R", "x"), "cannot be read"},
        {"no stream of zlib", stream("/Filter /FlateDecode", "Kari"), "cannot be read"},
        {"bytes behind its end", stream("/Filter /FlateDecode", deflated("x") + " and Kari"),
         "cannot be read"},
        {"no end", "20 0 obj << >> stream\nx\n", "cannot be read"},
        {"an object in a stream that is not packed", stream("", "<< /T (K) >> endobj"),
         "cannot be read"},
        {"the word in a text", stream("", "BT (a stream) Tj ET"), ""},
        {"objects in a comment", "% 20 0 obj << >> stream x endstream endobj\n", "cannot be read"},
        {"words of drawing", packed_stream("BT (A lesion) Tj [(in the) -250 (kid) 20 (ney)] TJ ET"),
         ""},
        {"short numbers", packed_stream("0.12345 0 0 1 20240 120.5 cm"), ""},
        {"letters in a row",
         packed_stream("begincmap [<002b> <002d> <002e> <0030> <0031> <0032> <0033> <0034> <0035>"
                       "<0036> <0037> <0038> <0039>] endcmap"),
         ""},
        {"a font", packed_stream("(http://fonts.example) dr. Lettering", "/Length1 36 "), ""},
    }));
    CAPTURE(name);

    const auto report = processed(made({.catalog = {}, .loose = loose}));

    INFO(report.reason);
    CHECK((report.verdict == Verdict::written) == std::string_view{reason}.empty());
    CHECK_THAT(report.reason, Contains(reason));
}

TEST_CASE("parts of a PDF that cannot be read here are no parts without content")
{
    constexpr std::size_t most = 1 << 20;
    const auto pdf = made({});
    REQUIRE(parts_of(pdf, most));
    CHECK_THAT(parts_of(pdf, most)->objects, Contains("/Type /Catalog"));
    CHECK(parts_of("%PDF-1.4 nothing of the kind", most)->streams.empty());

    const auto names =
        parts_of(made({.catalog = "/Lang (no) /MarkInfo << >> /Kari 1 "}), most)->names;
    CHECK_THAT(names, Contains("/Kari|") && !Contains("/Lang") && !Contains("/Mark"));

    CHECK_FALSE(parts_of(pdf, 16));
    const auto bomb = packed_stream(std::string(most, ' '));
    CHECK_FALSE(parts_of(bomb, most));
    CHECK(parts_of(bomb, 2 * most));
    CHECK_FALSE(parts_of(
        made({.catalog = {}, .filter = "/Filter /FlateDecode /DecodeParms << /Predictor 12 >> "}),
        most));
    CHECK_FALSE(parts_of(made({.catalog = {}, .filter = "/Filter /LZWDecode "}), most));
    CHECK_FALSE(
        parts_of(made({.catalog = {}, .filter = "/Filter [/ASCII85Decode /FlateDecode] "}), most));
    const auto escaped = parts_of(made({.catalog = {}, .marker = "/Obj#53tm"}), most);
    REQUIRE(escaped);
    CHECK_THAT(escaped->objects, Contains("/Type /Catalog"));
    for (std::size_t cut = 0; cut < pdf.size(); cut += 7) {
        static_cast<void>(parts_of(pdf.substr(0, cut), most)); // no read beyond the end
    }
    auto broken = pdf;
    broken[pdf.find("stream\n", pdf.find("/ObjStm")) + 12] ^= 0x55;
    CHECK_FALSE(parts_of(broken, most));
}

TEST_CASE("words of a PDF are told apart as its readers do")
{
    const auto words = [](std::string_view pdf) {
        std::vector<std::string> found;
        std::size_t at = 0;
        PdfWord word;
        while ((word = next_pdf_word(pdf, at)).kind != PdfWordKind::end) {
            found.emplace_back(word.written);
        }
        return found;
    };
    CHECK(words("<</A(b (c\\)) d)/E<66>>>%g\rstream\n")
          == std::vector<std::string>{"<<", "/A", "(b (c\\)) d)", "/E", "<66>", ">>", "%g",
                                      "stream"});
    for (const std::string_view broken : {"(a", "(a\\)", "<61", ")", ">"}) {
        std::size_t at = 0;
        CHECK(next_pdf_word(broken, at).kind == PdfWordKind::broken);
        CHECK(at == 1);
    }
    CHECK(meant_by("(a\\(b\\\\\\n\\101\\7\\\r\nc\\q)") == "a(b\\\nA\acq");
    CHECK(meant_by("<48 69 2>") == "Hi ");
    CHECK(meant_by("<FEFF00E6D83DDE00>") == "\xc3\xa6\xf0\x9f\x98\x80");
    CHECK(meant_by("<FFFEE600>") == "\xc3\xa6");
    CHECK(meant_by("()").empty());
}

namespace {

FileReport processed_text(const std::string& document)
{
    const TempDir root;
    auto data = phantom::image();
    put(data, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.104.2"));
    put(data, text({0x0042, 0x0011}, "OB", document));
    const auto file = phantom::write(root / "in.dcm", data);
    auto settings = phantom::settings(root.path);
    settings.documents = Documents::if_clean;
    return anonymize_files({file.file}, root / "out", settings).files.at(0);
}

/// Each character of ASCII text as UTF-16, the low byte first.
std::string wide(std::string_view ascii)
{
    std::string bytes;
    for (const char c : ascii) {
        bytes += c;
        bytes += '\0';
    }
    return bytes;
}

/// A map by which every letter is a blank.
std::string all_blank()
{
    std::string pairs;
    for (int letter = 'A'; letter <= 'z'; ++letter) {
        pairs += fmt::format("<{:02X}> <0020>\n", letter);
    }
    return "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
           "/CMapName /X def /CMapType 2 def\n"
           "1 begincodespacerange <00> <FF> endcodespacerange\n"
           + fmt::format("{} beginbfchar\n{}endbfchar\n", 'z' - 'A' + 1, pairs)
           + "endcmap CMapName currentdict /CMap defineresource pop end end";
}

std::string bars(int count)
{
    std::string drawn;
    for (int i = 0; i < count; ++i) {
        drawn += fmt::format("{} 20 2 30 re f\n", 20 + 4 * i);
    }
    return drawn;
}

std::string svg(std::string_view inside)
{
    return fmt::format("<?xml version=\"1.0\"?>\n<svg width=\"1pt\">\n{}</svg>\n", inside);
}

} // namespace

TEST_CASE("a PDF that does not begin with its mark is no text that shows nothing")
{
    const auto in_front =
        GENERATE(as<std::string>{}, "\n", "\xef\xbb\xbf", "MIME-Version: 1.0\r\n\r\n");

    const auto report = processed(in_front + made({.catalog = {}}));

    CHECK(report.verdict == Verdict::refused);
    CHECK_THAT(report.reason, Contains("a PDF with something in front of it"));
}

TEST_CASE("a document that is no PDF passes as plain text only")
{
    const auto [name, document, reason] = GENERATE(table<const char*, std::string, const char*>({
        {"plain text",
         "A lesion in the left kidney.\n----------------------------------------"
         "----------------------------------\n",
         ""},
        {"OBJ", "# kidney\nv 1.0 2.5 -3.0\nvn 0 0 1\nf 1//1 2//1 3//1\n", ""},
        {"STL in ASCII", "solid kidney\nfacet normal 0 0 1\nouter loop\nvertex 1 0 0\n", ""},
        {"STL in binary",
         std::string(80, '\0') + std::string("\1\0\0\0", 4) + std::string(50, '\x3f'),
         "no plain text"},
        {"UTF-16", wide("A lesion of K a r i"), "no plain text"},
        {"Latin-1", "l\xe6sion", "no plain text"},
        {"a zip file", std::string("PK\3\4\x14\0\0\0", 8), "no plain text"},
        {"a packed body", "<nonXMLBody>\n<text mediaType='x' representation='B64'>QQ</text>",
         "something packed"},
        {"a long packed line",
         "<text>JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0</text>",
         "something packed"},
        {"MIME", "Content-Transfer-Encoding: Base64\n\nSGVp\n", "something packed"},
        {"references", "<given>K&#97;ri</given>", "references"},
        {"entities", "<p>Pr&oslash;ve &amp; s</p>", "references"},
        {"RTF", "{\\rtf1 Pr\\'f8ve}", "not read here"},
        {"PostScript", "%!PS-Adobe-3.0\n", "not read here"},
    }));
    CAPTURE(name);

    const auto report = processed_text(document);

    INFO(report.reason);
    CHECK((report.verdict == Verdict::written) == std::string_view{reason}.empty());
    CHECK_THAT(report.reason, Contains(reason));
}

TEST_CASE("what the text of a PDF does not say is no reason to let it pass")
{
    if (!has_poppler()) {
        return;
    }
    const auto [name, wish, reason] = GENERATE(table<const char*, Pdf, const char*>({
        {"outlines", {.catalog = {}, .drawn = "20 20 m 30 60 40 60 50 20 c S"}, "a drawing"},
        {"slanted strokes", {.catalog = {}, .drawn = "20 20 m 30 60 l 40 20 l S"}, "a drawing"},
        {"a bar code", {.catalog = {}, .drawn = bars(19)}, "a drawing"},
        {"letters to look through",
         {.catalog = {}, .drawn = "20 20 m 30 60 40 60 50 20 c W n 0 0 300 200 re f"},
         "a drawing"},
        {"glyphs without names",
         {.catalog = {}, .font = "/Encoding << /Type /Encoding /Differences [65 /g1 /g2] >> "},
         "a font"},
        {"letters that call themselves blanks",
         {.catalog = {}, .to_unicode = all_blank()},
         "letters in the PDF"},
        {"a few letters that call themselves blanks",
         {.words = "A lesion in the left kidney, none in the right",
          .catalog = {},
          .to_unicode = all_blank(),
          .second = "Kari"},
         "letters in the PDF"},
        {"layers", {.catalog = "/OCProperties << /OCGs [] /D << >> >> "}, "hidden texts"},
        {"information of its own kind",
         {.catalog = {}, .stated = "/Ward (Kari) "},
         "a part of a name"},
        {"a frame and a rule",
         {.catalog = {}, .drawn = "10 10 280 180 re S 10 90 m 290 90 l S"},
         ""},
        {"hyphens at the ends of lines",
         {.words = "A lesion in the left kid-",
          .catalog = {},
          .drawn = "BT /F1 12 Tf 20 86 Td (ney, as large as before.) Tj ET\n"},
         ""},
    }));
    CAPTURE(name);

    const auto report = processed(made(wish));

    INFO(report.reason);
    CHECK((report.verdict == Verdict::written) == std::string_view{reason}.empty());
    CHECK_THAT(report.reason, Contains(reason));
}

TEST_CASE("what stood in a PDF before, and what follows it, is not read and does not pass")
{
    if (!has_poppler()) {
        return;
    }
    const auto pdf = made({.catalog = {}});
    const auto again = pdf.substr(pdf.rfind("startxref"));
    const auto more = GENERATE_COPY(as<std::string>{}, "PK and so on", again);

    const auto report = processed(pdf + more);

    CHECK(report.verdict == Verdict::refused);
    CHECK_THAT(report.reason, Contains("an earlier version, or bytes behind the end"));
}

TEST_CASE("letters of a page are counted, and all else that may be writing is told")
{
    const std::string glyphs = "<defs><g><symbol overflow=\"visible\" id=\"glyph0-0\">\n<path "
                               "d=\"M 0 0 C 1 1 2 2 3 3 \"/>\n"
                               "</symbol><symbol id=\"glyph0-1\">\n<path d=\"\"/>\n</symbol></g>\n"
                               "<g id=\"glyph-2-0\"/></defs>\n"; // cairo 1.18
    const std::string letter = "<use xlink:href=\"#glyph0-0\" x=\"1\"/>";
    const std::string blank = "<use xlink:href=\"#glyph0-1\" x=\"1\"/>";

    const auto one =
        read_drawing(svg(glyphs + "<g id=\"surface1\">" + letter + blank + letter + "</g>"));
    CHECK(one.letters == std::vector<std::size_t>{2});
    CHECK_FALSE(one.may_be_writing);

    const auto two = read_drawing(
        svg(glyphs + "<pageSet><page>" + letter + "</page>\n<page>" + blank + "</page></pageSet>"));
    CHECK(two.letters == std::vector<std::size_t>{1, 0});
    CHECK_FALSE(two.may_be_writing);

    CHECK_FALSE(read_drawing(svg("<path d=\"M 1 1 L 9 1 L 9 5 L 1 5 Z M 1 1 \"/>")).may_be_writing);
    const auto* const odd = GENERATE(
        "<path d=\"M 1 1 L 9 2\"/>", "<path d=\"M 1 1 Q 2 2 3 3\"/>", "<path d=\"M 1 L\"/>",
        "<path d=\"M 0 0 L 1 0 L 1 1 L 2 1 L 2 2 L 3 2\"/>", "<image href=\"data:x\"/>",
        "<text>Kari</text>", "<use xlink:href=\"#image5\"/>", "<linearGradient id=\"x\">",
        "<clipPath id=\"c\"><path d=\"M 0 0 L 9 0 L 9 9 L 0 9 Z M 20 20 L 29 20 \"/></clipPath>");
    CAPTURE(odd);
    CHECK(read_drawing(svg(odd)).may_be_writing);
    CHECK(read_drawing("").may_be_writing);
}
