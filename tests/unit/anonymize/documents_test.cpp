// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
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
};

/// A page of words; all objects but its content lie in one compressed stream (PDF 1.5).
std::string made(const Pdf& wish)
{
    const std::vector<std::pair<int, std::string>> objects{
        {1, "<< /Type /Catalog /Pages 2 0 R " + wish.catalog + ">>"},
        {2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"},
        {3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R >> >> >>"},
        {5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}};
    std::string numbers;
    std::string bodies;
    for (const auto& [number, body] : objects) {
        numbers += fmt::format("{} {} ", number, bodies.size());
        bodies += body + "\n";
    }
    std::vector<std::string> entries(8, big_endian(0, 7));
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
    add(4, "", "BT /F1 12 Tf 20 100 Td (" + wish.words + ") Tj ET");
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
    pdf += fmt::format("7 0 obj\n<< /Type /XRef /Size 8 /W [1 4 2] /Root 1 0 R /Length {} >>\n"
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
                                        "/Names << /JavaScript 9 0 R >> ", "/Alt (Kari) ");
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

TEST_CASE("object streams that cannot be read here are no object streams without content")
{
    constexpr std::size_t most = 1 << 20;
    const Pdf usual;
    const auto pdf = made(usual);
    REQUIRE(objects_in_streams(pdf, most));
    CHECK_THAT(*objects_in_streams(pdf, most), Contains("/Type /Catalog"));
    CHECK(objects_in_streams("%PDF-1.4 nothing of the kind", most) == "");

    CHECK_FALSE(objects_in_streams(pdf, 16));
    CHECK_FALSE(objects_in_streams(
        made({.catalog = {}, .filter = "/Filter /FlateDecode /DecodeParms << /Predictor 12 >> "}),
        most));
    CHECK_FALSE(objects_in_streams(made({.catalog = {}, .filter = "/Filter /LZWDecode "}), most));
    CHECK_FALSE(objects_in_streams(
        made({.catalog = {}, .filter = "/Filter [/ASCII85Decode /FlateDecode] "}), most));
    CHECK_FALSE(objects_in_streams(made({.catalog = {}, .marker = "/Obj#53tm"}), most));
    for (std::size_t cut = pdf.find("/ObjStm"); cut < pdf.find("XRef"); cut += 7) {
        static_cast<void>(objects_in_streams(pdf.substr(0, cut), most)); // no read beyond the end
    }
    auto broken = pdf;
    broken[pdf.find("stream\n", pdf.find("/ObjStm")) + 12] ^= 0x55;
    CHECK_FALSE(objects_in_streams(broken, most));
}
