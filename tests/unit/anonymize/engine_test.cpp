// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/base/text.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/anonymize/engine_result.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <vector>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using engine_result::process;
using engine_result::read_back;
using phantom::put;
using phantom::sequence;
using phantom::text;

namespace {

std::vector<std::string> codes_of(const engine_result::Result& result)
{
    std::vector<std::string> codes;
    const auto* const found = result.root.find({0x0012, 0x0064});
    if (found != nullptr) {
        for (const auto& item : found->items) {
            codes.emplace_back(trimmed(item.find({0x0008, 0x0100})->stored));
        }
    }
    return codes;
}

Item content(std::string_view type, std::string_view concept_code, Element value)
{
    Item code;
    put(code, text({0x0008, 0x0100}, "SH", concept_code));
    put(code, text({0x0008, 0x0102}, "SH", "DCM"));
    Item item;
    put(item, text({0x0040, 0xa040}, "CS", type));
    put(item, sequence({0x0040, 0xa043}, {code}));
    put(item, std::move(value));
    return item;
}

} // namespace

TEST_CASE("the identity of the study is replaced by that of the project")
{
    const auto result = process(phantom::image());

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.value({0x0010, 0x0010}) == "GLI_001");
    CHECK(result.value({0x0010, 0x0020}) == "GLI_001");
    CHECK(result.value({0x0010, 0x0030}).empty());
    CHECK(result.value({0x0008, 0x0080}) == "GLIOMA");
    CHECK(result.value({0x0008, 0x0090}) == "EventName:baseline");
    CHECK(result.value({0x0012, 0x0020}) == "GLIOMA");
    CHECK(result.value({0x0012, 0x0040}) == "GLI_001");
    CHECK(result.value({0x0012, 0x0050}) == "baseline");
    CHECK(result.value({0x0012, 0x0062}) == "YES");
    CHECK_THAT(result.value({0x0012, 0x0063}), Contains("PS3.15 2026a"));
    CHECK(result.value({0x0012, 0x0063}).size() <= 64);
    CHECK(result.value({0x0028, 0x0303}) == "MODIFIED");
    CHECK(result.value({0x0008, 0x0020}) == "20240302");
    CHECK(result.value({0x0008, 0x0050}).size() == 16);
    CHECK(result.value({0x0008, 0x1030}) == "MR Caput");
    CHECK(codes_of(result) == std::vector<std::string>{"113100", "113105", "113107", "113108"});
    CHECK(result.value({0x0020, 0x000d}) == result.report.new_study);
    CHECK(result.report.output.filename() == "MR." + result.report.new_sop + ".dcm");
    CHECK(result.report.output.parent_path().filename() == result.report.new_series);
}

TEST_CASE("what research needs is kept as it was")
{
    const auto result = process(phantom::image());

    CHECK(result.value({0x0008, 0x0060}) == "MR");
    CHECK(result.value({0x0008, 0x0008}) == "ORIGINAL\\PRIMARY");
    CHECK(result.value({0x0008, 0x0030}) == "101112");
    CHECK(result.value({0x0010, 0x0040}) == "F");
    CHECK(result.value({0x0018, 0x0050}) == "3.5");
    CHECK(result.value({0x0020, 0x0032}) == "-1.5\\2\\3");
    CHECK(result.value({0x0008, 0x0005}) == "ISO_IR 100");
    CHECK(is_uid(result.value({0x0020, 0x0052})));
}

TEST_CASE("the pixel data element is copied bit by bit, and DCMTK reads the file")
{
    const auto syntax =
        GENERATE(phantom::Syntax::explicit_little, phantom::Syntax::implicit,
                 phantom::Syntax::explicit_big, phantom::Syntax::deflated, phantom::Syntax::rle);
    const TempDir root;
    const auto made = phantom::write(root / "in.dcm", phantom::image(), syntax);

    const auto report = anonymize_files({made.file}, root / "out", phantom::settings(root.path));

    CAPTURE(report.files[0].reason);
    REQUIRE(report.files[0].verdict == Verdict::written);
    CHECK(phantom::slurp(report.files[0].output).ends_with(made.pixels));
    CHECK(std::filesystem::file_size(report.files[0].output) == report.files[0].bytes);
    DcmFileFormat file;
    CHECK(file.loadFile(report.files[0].output.c_str()).good());
    OFString name;
    CHECK(file.getDataset()->findAndGetOFString(DCM_PatientName, name).good());
    CHECK(name == "GLI_001");
    OFString sender;
    CHECK(file.getMetaInfo()->findAndGetOFString(DCM_SourceApplicationEntityTitle, sender).bad());
}

TEST_CASE("references between the objects of a study still resolve")
{
    const TempDir root;
    const phantom::Names names;
    auto presentation =
        phantom::image({names.study, "1.2.752.24.5.111111.8", "1.2.752.24.5.111111.9"});
    put(presentation, text({0x0008, 0x0060}, "CS", "PR"));
    Item image;
    put(image, text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
    put(image, text({0x0008, 0x1155}, "UI", names.instance));
    Item series;
    put(series, sequence({0x0008, 0x1140}, {image}));
    put(series, text({0x0020, 0x000e}, "UI", names.series));
    Item study;
    put(study, text({0x0020, 0x000d}, "UI", names.study));
    put(study, sequence({0x0008, 0x1115}, {series}));
    put(presentation, sequence({0x0008, 0x1200}, {study}));
    const auto scheme = GENERATE(UidScheme::hmac, UidScheme::compat_dec, UidScheme::compat_hex);
    auto settings = phantom::settings(root.path);
    settings.scheme = scheme;
    phantom::write(root / "a.dcm", phantom::image());
    phantom::write(root / "b.dcm", presentation);

    const auto report = anonymize_files({root / "a.dcm", root / "b.dcm"}, root / "out", settings);

    CAPTURE(report.files[0].reason, report.files[1].reason);
    REQUIRE(report.count(Verdict::written) == 2);
    const auto written = read_back(report.files[1]);
    const auto* const outer = written.root.find({0x0008, 0x1200});
    REQUIRE(outer != nullptr);
    const auto& new_study = outer->items.front();
    const auto& new_series = new_study.find({0x0008, 0x1115})->items.front();
    const auto& new_image = new_series.find({0x0008, 0x1140})->items.front();
    const auto bare = [](const Item& item, Tag tag) { return trimmed(item.find(tag)->stored); };
    CHECK(bare(new_study, {0x0020, 0x000d}) == report.files[0].new_study);
    CHECK(bare(new_series, {0x0020, 0x000e}) == report.files[0].new_series);
    CHECK(bare(new_image, {0x0008, 0x1155}) == report.files[0].new_sop);
    CHECK(bare(new_image, {0x0008, 0x1150}) == "1.2.840.10008.5.1.4.1.1.4");
    CHECK(report.new_studies.size() == 1);
}

TEST_CASE("an identifier of one file is cut from the text of another")
{
    const TempDir root;
    auto other = phantom::image(
        {"1.2.752.24.5.111111.1", "1.2.752.24.5.111111.2", "1.2.752.24.5.111111.77"});
    put(other, text({0x0010, 0x0010}, "PN", ""));
    put(other, text({0x0008, 0x103e}, "LO", "t2 tse PROEVE kari acc7654321 1961-03-07"));
    put(other, text({0x0018, 0x1030}, "LO", "PID998877-SN"));
    phantom::write(root / "a.dcm", phantom::image());
    phantom::write(root / "b.dcm", other);

    const auto report = anonymize_files({root / "b.dcm", root / "a.dcm"}, root / "out",
                                        phantom::settings(root.path));

    REQUIRE(report.count(Verdict::written) == 2);
    const auto result = read_back(report.files[0]);
    CHECK(result.value({0x0008, 0x103e}) == "t2 tse");
    CHECK(result.value({0x0018, 0x1030}) == "SN");
}

TEST_CASE("a character set that lies leaks nothing and becomes UTF-8")
{
    const auto* const declared = GENERATE("", "ISO_IR 192", "ISO_IR 100", "ISO_IR 6", "HANSEN");
    const bool as_utf8 = GENERATE(true, false);
    auto data = phantom::image();
    put(data, text({0x0008, 0x0005}, "CS", declared));
    put(data, text({0x0010, 0x0010}, "PN", as_utf8 ? "Prøve^Kåri" : "Pr\xf8ve^K\xe5ri"));
    put(data, text({0x0008, 0x1030}, "LO",
                   as_utf8 ? "Hjerte Prøve kåri på" : "Hjerte Pr\xf8ve k\xe5ri p\xe5"));

    const auto result = process(data);

    CAPTURE(declared, as_utf8, result.report.reason);
    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.bytes.find("Pr\xf8ve") == std::string::npos);
    CHECK(result.bytes.find("Prøve") == std::string::npos);
    const auto description = result.value({0x0008, 0x1030});
    const bool is_truth = std::string_view{declared} == (as_utf8 ? "ISO_IR 192" : "ISO_IR 100");
    CHECK(result.value({0x0008, 0x0005}) == (is_truth ? declared : "ISO_IR 192"));
    CHECK(description == (is_truth && !as_utf8 ? "Hjerte p\xe5" : "Hjerte på"));
}

TEST_CASE("a project that does not fit the character set makes the data set UTF-8")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    settings.project = ProjectName{"Ωmega"};
    auto data = phantom::image();
    put(data, text({0x0008, 0x1030}, "LO", "Hjerte p\xe5"));

    const auto result = process(data, settings, root);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.value({0x0008, 0x0005}) == "ISO_IR 192");
    CHECK(result.value({0x0008, 0x0080}) == "Ωmega");
    CHECK(result.value({0x0008, 0x1030}) == "Hjerte på");
}

TEST_CASE("a structured report keeps its findings and loses its people")
{
    auto data = phantom::image();
    put(data, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.88.11"));
    put(data, text({0x0040, 0xa493}, "CS", "VERIFIED"));
    Item observer;
    put(observer, text({0x0040, 0xa075}, "PN", "Lege^Ola"));
    put(data, sequence({0x0040, 0xa073}, {observer}));
    put(data, sequence({0x0040, 0xa730},
                       {content("PNAME", "121008", text({0x0040, 0xa123}, "PN", "Nurse^Nina")),
                        content("PNAME", "99999", text({0x0040, 0xa123}, "PN", "Nurse^Nina")),
                        content("TEXT", "121022", text({0x0040, 0xa160}, "UT", "REQ-123")),
                        content("TEXT", "121071",
                                text({0x0040, 0xa160}, "UT", "Kari Pr\xf8ve has a cyst of 3 mm")),
                        content("DATE", "111060", text({0x0040, 0xa121}, "DA", "20240119")),
                        content("DATE", "121031", text({0x0040, 0xa121}, "DA", "19610307")),
                        content("UIDREF", "112039",
                                text({0x0040, 0xa124}, "UI", "1.2.752.24.5.9.9.9"))}));

    const auto result = process(data);

    CAPTURE(result.report.reason);
    REQUIRE(result.report.verdict == Verdict::written);
    for (const auto* const gone :
         {"Nina", "REQ-123", "Kari", "19610307", "1.2.752.24.5.9", "Ola"}) {
        CAPTURE(gone);
        CHECK(result.bytes.find(gone) == std::string::npos);
    }
    CHECK(result.bytes.find("has a cyst of 3 mm") != std::string::npos);
    CHECK(result.bytes.find("20240301") != std::string::npos);
    CHECK(result.value({0x0040, 0xa493}) == "UNVERIFIED");
    CHECK(result.root.find({0x0040, 0xa073}) == nullptr);
    CHECK(result.root.find({0x0040, 0xa730})->items.size() == 4);
    const auto codes = codes_of(result);
    CHECK(std::ranges::find(codes, "113104") != codes.end());
}

TEST_CASE("overlays, curves, icons and signatures are removed, annotations are cleaned")
{
    auto data = phantom::image();
    put(data, text({0x6000, 0x3000}, "OW", "OVERLAYBITS!"));
    put(data, text({0x5000, 0x3000}, "OW", "CURVEPOINTS!"));
    Item icon;
    put(icon, text({0x7fe0, 0x0010}, "OW", "ICONPIXELS"));
    put(data, sequence({0x0088, 0x0200}, {icon}));
    Item note;
    put(note, text({0x0070, 0x0006}, "ST", "lesion of Kari"));
    Item annotation;
    put(annotation, sequence({0x0070, 0x0008}, {note}));
    put(data, sequence({0x0070, 0x0001}, {annotation}));

    const auto result = process(data);

    REQUIRE(result.report.verdict == Verdict::written);
    for (const auto* const gone : {"OVERLAYBITS", "CURVEPOINTS", "ICONPIXELS", "Kari"}) {
        CHECK(result.bytes.find(gone) == std::string::npos);
    }
    CHECK(result.bytes.find("lesion of") != std::string::npos);
    const auto codes = codes_of(result);
    CHECK(std::ranges::find(codes, "113103") != codes.end());
}

TEST_CASE("NO is never claimed of pixels that nobody cleaned")
{
    auto data = phantom::image();
    put(data, text({0x0028, 0x0301}, "CS", "YES"));

    CHECK(process(data).value({0x0028, 0x0301}) == "YES");
    CHECK(process(phantom::image()).value({0x0028, 0x0301}) == "(absent)");
}

TEST_CASE("a missing study date is the newest of the study in all its files, else 19700101")
{
    const TempDir root;
    auto first = phantom::image();
    put(first, text({0x0008, 0x0020}, "DA", "2024"));
    put(first, text({0x0008, 0x0021}, "DA", "20240118"));
    auto second =
        phantom::image({"1.2.752.24.5.111111.1", "1.2.752.24.5.111111.2", "1.2.752.24.5.111111.7"});
    put(second, text({0x0008, 0x0020}, "DA", ""));
    put(second, text({0x0008, 0x0022}, "DA", "20240119"));
    auto lonely =
        phantom::image({"1.2.752.24.5.222222.1", "1.2.752.24.5.222222.2", "1.2.752.24.5.222222.3"});
    std::erase_if(lonely.elements, [](const Element& e) { return e.tag == Tag{0x0008, 0x0020}; });
    phantom::write(root / "a.dcm", first);
    phantom::write(root / "b.dcm", second);
    phantom::write(root / "c.dcm", lonely);

    const auto report = anonymize_files({root / "a.dcm", root / "b.dcm", root / "c.dcm"},
                                        root / "out", phantom::settings(root.path));

    REQUIRE(report.count(Verdict::written) == 3);
    CHECK(read_back(report.files[0]).value({0x0008, 0x0020}) == "20240301");
    CHECK(read_back(report.files[1]).value({0x0008, 0x0020}) == "20240301");
    CHECK(read_back(report.files[2]).value({0x0008, 0x0020}) == "19700101");
}

TEST_CASE("tag changes and regular expressions of the original keep their meaning")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    settings.tag_changes = {{"0018,1030", "fixed text", false},
                            {"PatientSex", "remove", false},
                            {"0008,1030", "^(MR) (\\w+)", true},
                            {"0020,4000", "(x+)", true}};

    const auto result = process(phantom::image(), settings, root);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.value({0x0018, 0x1030}) == "fixed text");
    CHECK(result.root.find({0x0010, 0x0040}) == nullptr);
    CHECK(result.value({0x0008, 0x1030}) == "MR Caput");
    CHECK(result.value({0x0020, 0x4000}) == "FIONA: no match on regular expression");
}

TEST_CASE("an age above 89 years is 89, others stay")
{
    const auto age = [](std::string_view value) {
        auto data = phantom::image();
        put(data, text({0x0010, 0x1010}, "AS", value));
        return process(data).value({0x0010, 0x1010});
    };
    CHECK(age("095Y") == "089Y");
    CHECK(age("101Y") == "089Y");
    CHECK(age("089Y") == "089Y");
    CHECK(age("007M") == "007M");
    CHECK(age("0957").empty());
}
