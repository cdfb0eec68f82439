// SPDX-License-Identifier: MIT
// What de-identification owes to everybody: a policy for each kind of object, equal intervals, references
// that resolve, and an answer to what was de-identified before.
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/policy.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/phantom_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fiona;
using namespace fiona::anonymize;
using phantom::put;
using phantom::sequence;
using phantom::text;

namespace {

/// A file that was written, and its elements.
struct Written {
    explicit Written(const std::filesystem::path& file)
        : bytes{phantom::slurp(file)}, header{bytes.substr(
                                           dicom::prescan_file(file).data_set_offset)},
          root{read_data_set(header, Encoding::explicit_little).root}
    {
    }
    /// The value at the end of a path of tags, each but the last a sequence with one item.
    [[nodiscard]] std::string at(const std::vector<Tag>& path) const
    {
        const Item* item = &root;
        for (const auto& tag : path) {
            const auto* const element = item->find(tag);
            if (element == nullptr) {
                return "(absent)";
            }
            if (element->items.empty()) {
                return std::string{trimmed(element->stored)};
            }
            item = &element->items.front();
        }
        return "(a sequence)";
    }

    std::string bytes;
    std::string header;
    Item root;
};

std::chrono::sys_days day_of(const std::string& text)
{
    const auto day = parse_da(text.substr(0, 8));
    REQUIRE(day.has_value());
    return std::chrono::sys_days{*day};
}

Item item_of(std::vector<Element> elements)
{
    Item item;
    for (auto& element : elements) {
        put(item, std::move(element));
    }
    return item;
}

} // namespace

TEST_CASE(
    "each kind of object has a policy that is said: it passes, or it is refused with a reason")
{
    struct Row {
        const char* name;
        std::string sop_class;
        std::string syntax;
        bool passes;
    };
    const std::string explicit_little = "1.2.840.10008.1.2.1";
    const std::string storage = "1.2.840.10008.5.1.4.1.1.";
    const auto row = GENERATE_COPY(values<Row>({
        {"MR", storage + "4", explicit_little, true},
        {"parametric map, float pixels", storage + "30", explicit_little, true},
        {"segmentation of one bit", storage + "66.4", explicit_little, true},
        {"surface segmentation", storage + "66.5", explicit_little, true},
        {"RT dose", storage + "481.2", explicit_little, true},
        {"RT structure set", storage + "481.3", explicit_little, true},
        {"raw data", storage + "66", explicit_little, false},
        {"ECG", storage + "9.1.1", explicit_little, true},
        {"a dictation", storage + "9.4.1", explicit_little, false},
        {"general audio", storage + "9.4.2", explicit_little, false},
        {"encapsulated PDF", storage + "104.1", explicit_little, false},
        {"encapsulated CDA", storage + "104.2", explicit_little, false},
        {"encapsulated STL", storage + "104.3", explicit_little, false},
        {"encapsulated OBJ", storage + "104.4", explicit_little, false},
        {"encapsulated MTL", storage + "104.5", explicit_little, false},
        {"video endoscopy", storage + "77.1.1.1", explicit_little, false},
        {"MPEG-2 in another class", storage + "7.4", "1.2.840.10008.1.2.4.100", false},
        {"H.264", storage + "7.4", "1.2.840.10008.1.2.4.102", false},
        {"H.264, fragmentable", storage + "7.4", "1.2.840.10008.1.2.4.102.1", false},
        {"HEVC", storage + "7.4", "1.2.840.10008.1.2.4.107", false},
        {"a DICOMDIR", "1.2.840.10008.1.3.10", explicit_little, false},
    }));
    CAPTURE(row.name);
    auto object = phantom::image();
    put(object, text({0x0008, 0x0016}, "UI", row.sop_class));
    const TempDir root;
    const Written read{phantom::write(root / "in.dcm", object).file};

    const auto reason = refusal(read.root, row.syntax);

    CAPTURE(reason);
    CHECK(reason.empty() == row.passes);
}

TEST_CASE("a document is refused whatever class it claims to be")
{
    auto object = phantom::image();
    put(object, text({0x0042, 0x0011}, "OB", "%PDF-1.7"));

    const TempDir root;
    const Written read{phantom::write(root / "in.dcm", object).file};

    CHECK(refusal(read.root, "1.2.840.10008.1.2.1")
          == "encapsulated documents are refused by policy");
}

TEST_CASE("a recording of sound is refused in a class of its own too, an ECG in it is not")
{
    const auto [modality, passes] =
        GENERATE(table<std::string, bool>({{"AU", false}, {"ECG", true}}));
    auto object = phantom::image();
    put(object, text({0x0008, 0x0016}, "UI", "1.2.752.24.5.9"));
    put(object, text({0x0008, 0x0060}, "CS", modality));
    put(object, sequence({0x5400, 0x0100}, {item_of({text({0x5400, 0x1010}, "OB", "....")})}));

    const TempDir root;
    const Written read{phantom::write(root / "in.dcm", object).file};

    CHECK(refusal(read.root, "1.2.840.10008.1.2.1").empty() == passes);
}

TEST_CASE("dates of a study move together: series, items, date-times and the injection of a PET")
{
    const Tag injection{0x0054, 0x0016};
    const std::vector<std::vector<Tag>> places{
        {{0x0008, 0x0020}},                   // study
        {{0x0008, 0x0021}},                   // series
        {{0x0008, 0x0022}},                   // acquisition
        {{0x0008, 0x0023}},                   // content
        {{0x0008, 0x002a}},                   // acquisition date-time
        {injection, {0x0018, 0x1078}},        // start of the injection
        {{0x0040, 0x0275}, {0x0040, 0x0002}}, // scheduled procedure step, in a request
    };
    const std::vector<std::string> values{"20240228", "20240229",         "20240301",
                                          "20240301", "20240301101500.5", "20240229230000.25",
                                          "20231231"};
    auto image = phantom::image();
    put(image, text({0x0008, 0x0020}, "DA", values[0]));
    put(image, text({0x0008, 0x0021}, "DA", values[1]));
    put(image, text({0x0008, 0x0022}, "DA", values[2]));
    put(image, text({0x0008, 0x0023}, "DA", values[3]));
    put(image, text({0x0008, 0x002a}, "DT", values[4]));
    put(image, sequence(injection, {item_of({text({0x0018, 0x1078}, "DT", values[5])})}));
    put(image, sequence({0x0040, 0x0275}, {item_of({text({0x0040, 0x0002}, "DA", values[6])})}));
    const TempDir root;
    const auto made = phantom::write(root / "in.dcm", image);

    const auto report = anonymize_files({made.file}, root / "out", phantom::settings(root.path));

    CAPTURE(report.files[0].reason);
    REQUIRE(report.files[0].verdict == Verdict::written);
    const Written written{report.files[0].output};
    std::set<std::chrono::days> shifts;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto after = written.at(places[i]);
        CAPTURE(i, after);
        if (after == "(absent)" || after.empty()) {
            continue; // removed by the profile: nothing to be compared with
        }
        ++kept;
        shifts.insert(day_of(after) - day_of(values[i]));
        CHECK(after.substr(8) == values[i].substr(8)); // the time of day stays
    }
    CHECK(shifts.size() == 1);
    CHECK(*shifts.begin() != std::chrono::days{0});
    CHECK(kept >= 6);
}

TEST_CASE("references of reports, key objects, plans, doses and segmentations resolve in the study")
{
    const phantom::Names names;
    const auto sop = [](const std::string& instance) {
        return item_of({text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"),
                        text({0x0008, 0x1155}, "UI", instance)});
    };
    struct Row {
        const char* name;
        std::string sop_class;
        std::vector<Tag> path;
        Element reference;
    };
    const std::string storage = "1.2.840.10008.5.1.4.1.1.";
    const Item content = item_of({sequence({0x0008, 0x1199}, {sop(names.instance)})});
    const Item evidence =
        item_of({text({0x0020, 0x000d}, "UI", names.study),
                 sequence({0x0008, 0x1115},
                          {item_of({text({0x0020, 0x000e}, "UI", names.series),
                                    sequence({0x0008, 0x1199}, {sop(names.instance)})})})});
    const std::vector<Row> rows{
        {"structured report",
         storage + "88.11",
         {{0x0040, 0xa730}, {0x0008, 0x1199}, {0x0008, 0x1155}},
         sequence({0x0040, 0xa730}, {content})},
        {"key object selection",
         storage + "88.59",
         {{0x0040, 0xa375}, {0x0008, 0x1115}, {0x0008, 0x1199}, {0x0008, 0x1155}},
         sequence({0x0040, 0xa375}, {evidence})},
        {"RT plan",
         storage + "481.5",
         {{0x300c, 0x0060}, {0x0008, 0x1155}},
         sequence({0x300c, 0x0060}, {sop(names.instance)})},
        {"RT dose",
         storage + "481.2",
         {{0x300c, 0x0002}, {0x0008, 0x1155}},
         sequence({0x300c, 0x0002}, {sop(names.instance)})},
        {"segmentation",
         storage + "66.4",
         {{0x0008, 0x1115}, {0x0008, 0x114a}, {0x0008, 0x1155}},
         sequence({0x0008, 0x1115},
                  {item_of({text({0x0020, 0x000e}, "UI", names.series),
                            sequence({0x0008, 0x114a}, {sop(names.instance)})})})},
    };
    const auto index = GENERATE_COPY(range(std::size_t{0}, rows.size()));
    const auto& row = rows[index];
    CAPTURE(row.name);
    auto image = phantom::image();
    put(image, text({0x0020, 0x0052}, "UI", "1.2.752.24.5.111111.77"));
    auto object = phantom::image({names.study, names.series + "8", names.instance + "9"});
    put(object, text({0x0008, 0x0016}, "UI", row.sop_class));
    put(object, text({0x0020, 0x0052}, "UI", "1.2.752.24.5.111111.77"));
    put(object, row.reference);
    const TempDir root;
    phantom::write(root / "a.dcm", image);
    phantom::write(root / "b.dcm", object);

    const auto report = anonymize_files({root / "a.dcm", root / "b.dcm"}, root / "out",
                                        phantom::settings(root.path));

    CAPTURE(report.files[0].reason, report.files[1].reason);
    REQUIRE(report.count(Verdict::written) == 2);
    const Written first{report.files[0].output};
    const Written second{report.files[1].output};
    CHECK(second.at(row.path) == report.files[0].new_sop);
    CHECK(first.at({{0x0020, 0x0052}}) == second.at({{0x0020, 0x0052}})); // frame of reference
    CHECK(is_uid(first.at({{0x0020, 0x0052}})));
    CHECK(first.at({{0x0020, 0x0052}}) != "1.2.752.24.5.111111.77");
}

TEST_CASE(
    "what was de-identified for a participant of a project is refused when it comes once more")
{
    const TempDir root;
    const auto settings = phantom::settings(root.path);
    phantom::write(root / "in.dcm", phantom::image());
    const auto first = anonymize_files({root / "in.dcm"}, root / "once", settings);
    REQUIRE(first.files[0].verdict == Verdict::written);

    const auto second = anonymize_files({first.files[0].output}, root / "twice", settings);

    const auto& again = second.files[0];
    CHECK(again.verdict == Verdict::refused);
    CHECK_THAT(again.reason,
               Catch::Matchers::Contains("de-identified") && Catch::Matchers::Contains("already"));
    CHECK(again.output.empty());
}

TEST_CASE("what was de-identified for one project is an input of another, without a new leak")
{
    const TempDir root;
    auto settings = phantom::settings(root.path);
    phantom::write(root / "in.dcm", phantom::image());
    const auto first = anonymize_files({root / "in.dcm"}, root / "once", settings);
    REQUIRE(first.files[0].verdict == Verdict::written);
    settings.project = ProjectName{"ANOTHER"};
    settings.participant = ParticipantId{"ANO_007"};

    const auto second = anonymize_files({first.files[0].output}, root / "twice", settings);

    const auto& again = second.files[0];
    CAPTURE(again.reason);
    REQUIRE(again.verdict == Verdict::written);
    const Written once{first.files[0].output};
    const Written twice{again.output};
    // The marks and what research needs stay.
    for (const Tag tag : {Tag{0x0012, 0x0062}, Tag{0x0008, 0x0060}, Tag{0x0018, 0x0050}}) {
        CHECK(twice.at({tag}) == once.at({tag}));
    }
    CHECK(twice.at({{0x0010, 0x0020}}) == "ANO_007");
    CHECK(again.new_study != first.files[0].new_study);
    CHECK(twice.bytes.find("Kari") == std::string::npos);
}
