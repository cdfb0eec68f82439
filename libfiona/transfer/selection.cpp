// SPDX-License-Identifier: MIT
#include "libfiona/transfer/selection.h"

#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/pixel_element.h"
#include "libfiona/dicom/prescan.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

struct Decision {
    Fate fate;
    std::string reason;
    std::uint64_t decoded_bytes = 0;
    bool is_no_image = false;
};

const Decision may_leave{Fate::send, ""};
const Decision skip_presentation{Fate::skip, "the project takes no presentation states"};
const Decision skip_capture{Fate::skip, "the project takes no secondary captures"};

/// The JSON has lists, the original's older files one text.
bool holds_text(const json::Value& properties, std::string_view key, std::string_view wanted)
{
    const auto* const value = properties.find(key);
    if (value == nullptr) {
        return false;
    }
    if (!value->is_array()) {
        return value->text() == wanted;
    }
    return std::ranges::any_of(value->array(),
                               [&](const json::Value& entry) { return entry.text() == wanted; });
}

/// What is known of a series before its files are looked at.
struct SeriesFacts {
    bool known = false; ///< there is a readable JSON
    bool presentation_state = false;
    bool check_burned_in = false;
    bool shadow = false;
    bool no_image = false;
};

SeriesFacts facts_of(const store::StudyTree::Series& series)
{
    if (!series.properties || !series.properties->is_object()) {
        return {};
    }
    const auto& properties = *series.properties;
    return {.known = true,
            .presentation_state = holds_text(properties, "Modality", "PR"),
            .check_burned_in = holds_text(properties, "ClassifyType", "CHECKBURNEDINFO"),
            .shadow = properties.text("SeriesDescription").starts_with("(shadow) "),
            .no_image = holds_text(properties, "ClassifyType", "ABCD-Physio")};
}

/// What one file's own header says.
struct FileFacts {
    bool presentation_state = false;
    bool secondary_capture = false;
    bool may_show_text = false; ///< a kind of picture that machines write text into
    bool original_mr_or_ct = false;
};

bool equals_or_below(std::string_view uid, std::string_view root)
{
    return uid.starts_with(root) && (uid.size() == root.size() || uid[root.size()] == '.');
}

FileFacts facts_of(const dicom::Header& header)
{
    // PS3.4 Annex B.5, and the retired classes of ultrasound.
    constexpr std::string_view presentation_states = "1.2.840.10008.5.1.4.1.1.11";
    constexpr std::string_view captures = "1.2.840.10008.5.1.4.1.1.7";
    constexpr std::array<std::string_view, 4> pictures{
        "1.2.840.10008.5.1.4.1.1.3",      // ultrasound, multi-frame
        "1.2.840.10008.5.1.4.1.1.6",      // ultrasound
        "1.2.840.10008.5.1.4.1.1.77.1.1", // endoscopy
        "1.2.840.10008.5.1.4.1.1.77.1.4", // photographs
    };
    constexpr std::array<std::string_view, 6> picture_modalities{"US", "IVUS", "ES",
                                                                 "XC", "OT",   "SC"};
    constexpr std::array<std::string_view, 2> slices{
        "1.2.840.10008.5.1.4.1.1.2", // CT, and .2.1 enhanced
        "1.2.840.10008.5.1.4.1.1.4", // MR, and .4.1 enhanced
    };
    const auto sop_class = header.text({0x0008, 0x0016});
    const auto modality = header.text({0x0008, 0x0060});
    const auto image_type = header.values({0x0008, 0x0008}).value_or(std::vector<std::string>{});
    const auto is_of = [&](std::string_view root) { return equals_or_below(sop_class, root); };
    const bool screen_save = std::ranges::find(image_type, "SCREEN SAVE") != image_type.end();
    FileFacts facts;
    facts.presentation_state = modality == "PR" || is_of(presentation_states);
    facts.secondary_capture = is_of(captures) || modality == "SC";
    facts.may_show_text =
        facts.secondary_capture || screen_save || std::ranges::any_of(pictures, is_of)
        || std::ranges::find(picture_modalities, modality) != picture_modalities.end()
        || lower_case(header.text({0x0028, 0x0301})) == "yes";
    facts.original_mr_or_ct = std::ranges::any_of(slices, is_of)
                              && (modality == "MR" || modality == "CT") && !image_type.empty()
                              && image_type.front() == "ORIGINAL";
    return facts;
}

/// Nobody sees it while the header is gone, but everybody can read it.
bool has_overlay_in_pixels(const dicom::Header& header)
{
    return dicom::has_overlay_in_samples(
        {[&](dicom::Tag tag) {
             const auto values = header.values(tag).value_or(std::vector<std::string>{});
             return values.empty() ? std::nullopt : read_number<unsigned>(values.front());
         },
         [&](dicom::Tag tag) {
             return header.bytes_at({{tag}}).has_value() || !header.text(tag).empty();
         }});
}

/// The project's exclusions, compiled once for a study.
class Exclusions {
public:
    explicit Exclusions(const std::vector<redcap::PixelExclusion>& rules)
    {
        RE2::Options options;
        options.set_log_errors(false);
        for (const auto& rule : rules) {
            auto pattern = std::make_unique<RE2>(rule.pattern, options);
            const auto tag = tag_of(rule.tag);
            if (!tag || !pattern->ok()) {
                log::warn("pixel_exclusion_ignored",
                          {{"tag", rule.tag}, {"reason", pattern->error()}});
                continue; // then the pixels are cleaned
            }
            m_rules.push_back({*tag, std::move(pattern)});
        }
    }

    [[nodiscard]] bool exempt(const dicom::Header& header) const
    {
        return std::ranges::any_of(m_rules, [&](const Rule& rule) {
            const auto text = header.text(rule.tag);
            return rule.pattern->Match(text, 0, text.size(), RE2::ANCHOR_START, nullptr, 0);
        });
    }

private:
    struct Rule {
        dicom::Tag tag;
        std::unique_ptr<RE2> pattern;
    };

    /// "gggg,eeee"
    static std::optional<dicom::Tag> tag_of(std::string_view text)
    {
        constexpr std::size_t comma = 4;
        if (text.size() != 9 || text[comma] != ',') {
            return std::nullopt;
        }
        dicom::Tag tag;
        const auto read = [](std::string_view digits, std::uint16_t& number) {
            const auto* const end = digits.data() + digits.size();
            return std::from_chars(digits.data(), end, number, 16).ptr == end;
        };
        const bool good =
            read(text.substr(0, comma), tag.group) && read(text.substr(comma + 1), tag.element);
        return good ? std::optional{tag} : std::nullopt;
    }

    std::vector<Rule> m_rules;
};

/// The project as far as it decides here.
struct Policy {
    const redcap::ResearchProject& project;
    Exclusions exclusions;
    const std::vector<std::string>& no_image_classes;
};

/// Rows, columns, samples, bits and frames multiplied (PS3.3 §C.7.6.3); 0 if they make no sense:
/// then cleaning refuses the file.
std::uint64_t decoded_bytes(const dicom::Header& header)
{
    const auto number = [&](dicom::Tag tag, std::uint64_t otherwise) {
        const auto text = header.text(tag);
        std::uint64_t value = 0;
        const auto* const end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, value);
        constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
        return read.ec == std::errc{} ? std::min(value, most) : otherwise;
    };
    const auto frame = number({0x0028, 0x0010}, 0) * number({0x0028, 0x0011}, 0);
    const auto pixel = number({0x0028, 0x0002}, 1) * number({0x0028, 0x0100}, 8) / 8;
    std::uint64_t bytes = 0;
    const bool too_much = __builtin_mul_overflow(frame, pixel, &bytes)
                          || __builtin_mul_overflow(bytes, number({0x0028, 0x0008}, 1), &bytes);
    return too_much ? 0 : bytes;
}

/// Inside of deflated data nobody has looked yet.
bool has_pixels(const fs::path& file)
{
    constexpr std::string_view deflated = "1.2.840.10008.1.2.1.99";
    const auto scan = dicom::prescan_file(file);
    return scan.pixel_data_offset || scan.transfer_syntax == deflated;
}

Decision decide(const fs::path& path, const dicom::Header& header, const SeriesFacts& series,
                const Policy& policy)
{
    const auto& project = policy.project;
    const auto file = facts_of(header);
    if (project.remove_presentation_states
        && (series.presentation_state || file.presentation_state)) {
        return skip_presentation;
    }
    const bool marked = series.check_burned_in && !(series.shadow && file.original_mr_or_ct);
    if (project.remove_secondary_captures && (marked || file.secondary_capture)) {
        return skip_capture;
    }
    const auto sop_class = header.text({0x0008, 0x0016});
    const bool may_be_no_image =
        series.no_image
        || std::ranges::find(policy.no_image_classes, sop_class) != policy.no_image_classes.end();
    if (may_be_no_image && !has_pixels(path)) {
        return {Fate::send, "", 0, true};
    }
    const bool may_show_text = marked || file.may_show_text || has_overlay_in_pixels(header);
    if (project.never_rewrite_pixels || !may_show_text || policy.exclusions.exempt(header)
        || !has_pixels(path)) {
        return may_leave;
    }
    return {Fate::clean, "", decoded_bytes(header)};
}

Decision decide(const fs::path& file, const SeriesFacts& series, const Policy& policy)
{
    if (!series.known) {
        return {Fate::hold,
                "nothing is known of the series yet; when fiona-process-file has sorted "
                "it, ask for the transfer again"};
    }
    try {
        return decide(file, dicom::Header::read(file), series, policy);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return {Fate::refuse, log::without_uids(e.what())};
    }
}

} // namespace

std::vector<Image> select_images(const store::StudyTree& tree, const StudyUid& study,
                                 const redcap::ResearchProject& project,
                                 const std::vector<std::string>& no_image_classes)
{
    const Policy policy{project, Exclusions{project.pixel_exclusions}, no_image_classes};
    std::vector<Image> images;
    for (const auto& series : tree.series(study)) {
        const auto facts = facts_of(series);
        for (auto& file : tree.instances(study, series.uid)) {
            std::error_code problem;
            const auto bytes = fs::file_size(file, problem); // of what the link points to
            if (problem == std::errc::no_such_file_or_directory) {
                images.push_back({std::move(file), series.uid, Fate::refuse,
                                  "the file is no longer in the archive; send the study again from "
                                  "the clinical PACS"});
                continue;
            }
            if (problem) {
                throw os_error(problem.value(), "look at an archive file");
            }
            auto decision = decide(file, facts, policy);
            images.push_back({std::move(file), series.uid, decision.fate,
                              std::move(decision.reason), bytes, decision.decoded_bytes,
                              decision.is_no_image});
        }
    }
    return images;
}

std::uint64_t decoded_bytes(const fs::path& file)
{
    return decoded_bytes(dicom::Header::read(file));
}

} // namespace fiona::transfer
