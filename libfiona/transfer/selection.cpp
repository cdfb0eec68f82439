// SPDX-License-Identifier: MIT
#include "libfiona/transfer/selection.h"

#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view burned_in_reason = "burned-in text has to be removed first";

struct Decision {
    Fate fate;
    std::string reason;
};

const Decision may_leave{Fate::send, ""};
const Decision hold_burned_in{Fate::hold, std::string{burned_in_reason}};
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
            .shadow = properties.text("SeriesDescription").starts_with("(shadow) ")};
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

Decision decide(const SeriesFacts& series, const FileFacts& file,
                const redcap::ResearchProject& project)
{
    if (project.remove_presentation_states
        && (series.presentation_state || file.presentation_state)) {
        return skip_presentation;
    }
    const bool marked = series.check_burned_in && !(series.shadow && file.original_mr_or_ct);
    if (project.remove_secondary_captures && (marked || file.secondary_capture)) {
        return skip_capture;
    }
    if (project.never_rewrite_pixels) {
        return may_leave;
    }
    return marked || file.may_show_text ? hold_burned_in : may_leave;
}

Decision look_into(const fs::path& file, const SeriesFacts& series,
                   const redcap::ResearchProject& project)
{
    try {
        return decide(series, facts_of(dicom::Header::read(file)), project);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return {Fate::refuse, log::without_uids(e.what())};
    }
}

Decision decide(const fs::path& file, const SeriesFacts& series,
                const redcap::ResearchProject& project)
{
    if (!series.known) {
        return {Fate::hold, "nothing is known of the series yet"};
    }
    return look_into(file, series, project);
}

} // namespace

std::vector<Image> select_images(const store::StudyTree& tree, const StudyUid& study,
                                 const redcap::ResearchProject& project)
{
    std::vector<Image> images;
    for (const auto& series : tree.series(study)) {
        const auto facts = facts_of(series);
        for (auto& file : tree.instances(study, series.uid)) {
            std::error_code problem;
            const auto bytes = fs::file_size(file, problem); // of what the link points to
            if (problem == std::errc::no_such_file_or_directory) {
                images.push_back({std::move(file), series.uid, Fate::refuse,
                                  "the file is no longer in the archive", 0});
                continue;
            }
            if (problem) {
                throw os_error(problem.value(), "look at an archive file");
            }
            auto decision = decide(file, facts, project);
            images.push_back(
                {std::move(file), series.uid, decision.fate, std::move(decision.reason), bytes});
        }
    }
    return images;
}

} // namespace fiona::transfer
