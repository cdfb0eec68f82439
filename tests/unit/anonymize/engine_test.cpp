// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <sys/stat.h>

#include <algorithm>

using namespace fiona;
using namespace fiona::anonymize;
using Catch::Contains;
using phantom::put;
using phantom::sequence;
using phantom::text;

namespace {

struct Result {
    FileReport report;
    Item root;
    std::string bytes;
    std::string header; ///< owns what `root` looks at

    [[nodiscard]] std::string value(Tag tag) const
    {
        const auto* const found = root.find(tag);
        return found == nullptr ? "(absent)" : std::string{without_padding(found->stored)};
    }
};

Result read_back(const FileReport& report, Encoding encoding = Encoding::explicit_little)
{
    Result result{report, {}, {}, {}};
    if (report.verdict == Verdict::written) {
        result.bytes = phantom::slurp(report.output);
        const auto scan = dicom::prescan_file(report.output);
        result.header = result.bytes.substr(scan.data_set_offset);
        result.root = read_data_set(result.header, encoding).root;
    }
    return result;
}

Result process(const Item& data, const Settings& settings, const TempDir& root,
               phantom::Syntax syntax = phantom::Syntax::explicit_little)
{
    const auto made = phantom::write(root / "in.dcm", data, syntax);
    const auto report = anonymize_files({made.file}, root / "out", settings);
    const auto encoding = syntax == phantom::Syntax::implicit       ? Encoding::implicit_little
                          : syntax == phantom::Syntax::explicit_big ? Encoding::explicit_big
                                                                    : Encoding::explicit_little;
    return read_back(report.files.front(), encoding);
}

Result process(const Item& data)
{
    const TempDir root;
    return process(data, phantom::settings(root.path), root);
}

std::vector<std::string> codes_of(const Result& result)
{
    std::vector<std::string> codes;
    const auto* const found = result.root.find({0x0012, 0x0064});
    if (found != nullptr) {
        for (const auto& item : found->items) {
            codes.emplace_back(without_padding(item.find({0x0008, 0x0100})->stored));
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
    const auto bare = [](const Item& item, Tag tag) {
        return without_padding(item.find(tag)->stored);
    };
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

TEST_CASE(
    "an identifier in bytes that are kept fails the file closed, or is scrubbed if that is wanted")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "Testesen^Kari"));
    put(data, text({0x0028, 0x1201}, "OW", "..TESTESEN.."));

    SECTION("fail")
    {
        const auto result = process(data, settings, root);

        CHECK(result.report.verdict == Verdict::leaked);
        CHECK(result.report.reason == "a part of a name in 0028,1201");
        CHECK(phantom::tree(root / "out").empty());
    }
    SECTION("scrub")
    {
        settings.scrub_leaks = true;

        const auto result = process(data, settings, root);

        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.value({0x0028, 0x1201}).empty());
        CHECK(result.bytes.find("TESTESEN") == std::string::npos);
    }
}

TEST_CASE("what is no image that can be shown clean is refused with a reason, the others are done")
{
    const TempDir root;
    auto pdf = phantom::image({"1.2.3.4.5", "1.2.3.4.6", "1.2.3.4.7"});
    put(pdf, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.104.1"));
    auto raw = phantom::image({"1.2.3.4.5", "1.2.3.4.6", "1.2.3.4.8"});
    put(raw, text({0x0008, 0x0016}, "UI", "1.2.840.10008.5.1.4.1.1.66"));
    auto nameless = phantom::image();
    std::erase_if(nameless.elements, [](const Element& e) { return e.tag == Tag{0x0020, 0x000d}; });
    phantom::write(root / "pdf.dcm", pdf);
    phantom::write(root / "raw.dcm", raw);
    phantom::write(root / "nameless.dcm", nameless);
    phantom::write(root / "good.dcm", phantom::image());
    store::write_file(root / "text.dcm", "no image at all");
    const auto whole = phantom::slurp(root / "good.dcm");
    store::write_file(root / "cut.dcm", whole.substr(0, whole.size() / 2));

    const auto report =
        anonymize_files({root / "pdf.dcm", root / "raw.dcm", root / "nameless.dcm",
                         root / "text.dcm", root / "cut.dcm", root / "none.dcm", root / "good.dcm"},
                        root / "out", phantom::settings(root.path));

    CHECK(report.count(Verdict::refused) == 6);
    CHECK(report.count(Verdict::written) == 1);
    CHECK(report.files[6].verdict == Verdict::written);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK_FALSE(report.files[i].reason.empty());
        CHECK(report.files[i].output.empty());
    }
    CHECK_THAT(report.files[0].reason, Contains("encapsulated"));
    CHECK(phantom::tree(root / "out").size() == 1);
}

TEST_CASE("the same instance twice is written once, a different file of that name is set aside")
{
    const TempDir root;
    auto changed = phantom::image();
    put(changed, text({0x0018, 0x0050}, "DS", "4.5"));
    phantom::write(root / "a.dcm", phantom::image());
    phantom::write(root / "b.dcm", phantom::image());
    phantom::write(root / "c.dcm", changed);

    const auto report = anonymize_files({root / "a.dcm", root / "b.dcm", root / "c.dcm"},
                                        root / "out", phantom::settings(root.path));

    CHECK(report.count(Verdict::written) == 2);
    CHECK(report.files[1].output == report.files[0].output);
    CHECK(report.files[2].verdict == Verdict::refused);
    CHECK(phantom::tree(root / "out").size() == 1);
}

TEST_CASE("two runs, and runs with more threads, give equal bytes")
{
    const TempDir root;
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 20; ++i) {
        const auto instance = "1.2.752.24.5.111111.3." + std::to_string(i);
        files.push_back(root.path / (std::to_string(i) + ".dcm"));
        phantom::write(files.back(), phantom::image({"1.2.752.24.5.111111.1",
                                                     "1.2.752.24.5.111111.2", instance}));
    }
    auto settings = phantom::settings(root.path);
    settings.threads = 1;
    const auto first = anonymize_files(files, root / "one", settings);
    settings.threads = 4;

    const auto second = anonymize_files(files, root / "two", settings);

    CHECK(first.count(Verdict::written) == 20);
    CHECK(second.files[13].new_sop == first.files[13].new_sop);
    CHECK(phantom::tree(root / "one") == phantom::tree(root / "two"));
}

TEST_CASE("a dry run writes nothing and tells no values")
{
    const TempDir root;
    const auto made = phantom::write(root / "in.dcm", phantom::image());

    const auto report =
        anonymize_files({made.file}, root / "out", phantom::settings(root.path), Mode::dry_run);

    CHECK_FALSE(std::filesystem::exists(root / "out"));
    CHECK(report.files[0].output.empty());
    const auto name = std::ranges::find(report.plan, "0010,0010", &PlannedChange::path);
    REQUIRE(name != report.plan.end());
    CHECK(name->vr == "PN");
    CHECK(name->action == "SUBJECT");
    CHECK(name->max_bytes == 10);
    CHECK(json::write(report.summary).find("Kari") == std::string::npos);
}

TEST_CASE("the mapping is written for its owner only")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    settings.mapping_file = root / "mapping.json";
    const auto result = process(phantom::image(), settings, root);
    const auto mapping = json::parse(read_file(root / "mapping.json"), "mapping");
    struct stat status {};
    REQUIRE(::stat((root / "mapping.json").c_str(), &status) == 0);

    CHECK((status.st_mode & 0777U) == 0600);
    CHECK(mapping.find("StudyInstanceUID")->text("1.2.752.24.5.111111.1")
          == result.report.new_study);
    CHECK(mapping.find("SeriesInstanceUID")->text("1.2.752.24.5.111111.2")
          == result.report.new_series);
    CHECK(mapping.find("SOPInstanceUID")->text("1.2.752.24.5.111111.3") == result.report.new_sop);
}

TEST_CASE("an output directory that holds something is refused before anything is read")
{
    const TempDir root;
    make_directories(root / "out");
    store::write_file(root / "out" / "x", "x");

    CHECK_THROWS_AS(anonymize_files({root / "in.dcm"}, root / "out", phantom::settings(root.path)),
                    Error);
}

TEST_CASE("values named by hand are identity too")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    store::write_file(root / "phi.json", R"(["Bestemor", "1999-04-05"])");
    settings.extra_identity = {root / "phi.json"};
    auto data = phantom::image();
    put(data, text({0x0008, 0x103e}, "LO", "t1 bestemor knee"));

    CHECK(process(data, settings, root).value({0x0008, 0x103e}) == "t1 knee");
}

TEST_CASE("no wish of a profile lets an original study, series or instance UID out")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    const auto* const tag = GENERATE("0020,000D", "0020,000E", "0008,0018");
    CAPTURE(tag);
    const std::string number = std::string_view{tag} == "0008,0018"   ? "3"
                               : std::string_view{tag} == "0020,000D" ? "1"
                                                                      : "2";

    SECTION("by keeping")
    {
        settings.tag_changes = {{tag, "keep", false}};
    }
    SECTION("by a constant")
    {
        settings.tag_changes = {{tag, "1.2.752.24.5.111111." + number, false}};
    }

    const auto result = process(phantom::image(), settings, root);

    CHECK(result.report.verdict == Verdict::leaked);
    CHECK_THAT(result.report.reason, Contains("an original UID"));
    CHECK(phantom::tree(root / "out").empty());
}

TEST_CASE("a UID that borrows the root of the standard is mapped like any other")
{
    auto data = phantom::image(
        {"1.2.840.10008.9.19610307.1", "1.2.840.10008.9.19610307.2", "1.2.840.10008.9.19610307.3"});
    Item reference;
    put(reference, text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
    put(reference, text({0x0008, 0x1155}, "UI", "1.2.840.10008.9.19610307.4"));
    put(data, sequence({0x0008, 0x1140}, {reference}));

    const auto result = process(data);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.bytes.find("19610307") == std::string::npos);
    CHECK(result.value({0x0008, 0x0016}) == "1.2.840.10008.5.1.4.1.1.4");

    const auto short_one = process(phantom::image({"1.2.840.10008.9.1", "1.2.3.4", "1.2.3.5"}));
    CHECK(short_one.report.verdict == Verdict::leaked);
}

TEST_CASE("a birth date in a foreign class UID is found although classes are kept")
{
    auto data = phantom::image();
    Item reference;
    put(reference, text({0x0008, 0x1150}, "UI", "1.2.752.9.19610307.88"));
    put(reference, text({0x0008, 0x1155}, "UI", "1.2.752.9.5"));
    put(data, sequence({0x0008, 0x1140}, {reference}));

    const auto result = process(data);

    CHECK(result.report.verdict == Verdict::leaked);
    CHECK(result.report.reason == "an original date in 0008,1140>0008,1150");
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

TEST_CASE("a name of five letters in kept bytes fails the file, a number across its neighbour too")
{
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "Olsen^Kari"));

    SECTION("samples")
    {
        put(data, text({0x0028, 0x1201}, "OW", "..OLSEN.A."));
        CHECK(process(data).report.verdict == Verdict::leaked);
    }
    SECTION("a term that claims to be bytes is cleaned as a term")
    {
        put(data, text({0x0018, 0x9004}, "OW", "OLSEN KARI"));
        const auto result = process(data);
        REQUIRE(result.report.verdict == Verdict::written);
        CHECK(result.bytes.find("OLSEN") == std::string::npos);
    }
    SECTION("the group of the next element looks like a digit")
    {
        // (0028,1203) is followed by group 0032, whose first byte is a "2".
        put(data, text({0x0028, 0x1203}, "OW", "..ID:77665544"));
        put(data, text({0x0010, 0x0020}, "LO", "77665544"));
        put(data, text({0x0032, 0x1060}, "LO", "MR head"));
        CHECK(process(data).report.verdict == Verdict::leaked);
    }
}

TEST_CASE("a patient called like a term of the standard does not cost the geometry")
{
    auto data = phantom::image();
    put(data, text({0x0010, 0x0010}, "PN", "HFS^First"));
    put(data, text({0x0018, 0x5100}, "CS", "HFS"));
    put(data, text({0x0018, 0x9178}, "CS", "IEC_FIRST_LEVEL"));
    put(data, text({0x0008, 0x0008}, "CS", "ORIGINAL\\PRIMARY\\HFS"));

    const auto result = process(data);

    REQUIRE(result.report.verdict == Verdict::written);
    CHECK(result.value({0x0018, 0x5100}) == "HFS");
    CHECK(result.value({0x0018, 0x9178}) == "IEC_FIRST_LEVEL");
    CHECK(result.value({0x0008, 0x0008}) == "ORIGINAL\\PRIMARY\\");
}
