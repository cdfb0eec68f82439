// SPDX-License-Identifier: MIT
#include "libfiona/transfer/preparation.h"

#include "libfiona/base/error.h"

#include <algorithm>

namespace fiona::transfer {

namespace {

const json::Value& member(const json::Value& json, std::string_view key)
{
    const auto* const found = json.find(key);
    if (found == nullptr) {
        throw Error{Fault::data, "a prepared study has no {}", key};
    }
    return *found;
}

json::Value texts_json(const std::vector<std::string>& texts)
{
    return json::Array(texts.begin(), texts.end());
}

std::vector<std::string> texts_of(const json::Value& json)
{
    std::vector<std::string> texts;
    for (const auto& text : json.array()) {
        texts.push_back(text.string());
    }
    return texts;
}

/// All of them: the reports name only some.
json::Value whole_json(const LeftOutImages& left_out)
{
    json::Array entries;
    for (const auto& [what, images] : left_out) {
        entries.push_back(json::Object{
            {"series", what.series}, {"reason", what.reason}, {"objects", texts_json(images)}});
    }
    return entries;
}

LeftOutImages left_out_of(const json::Value& json)
{
    LeftOutImages left_out;
    for (const auto& entry : json.array()) {
        left_out.emplace(LeftOut{entry.text("series"), entry.text("reason")},
                         texts_of(member(entry, "objects")));
    }
    return left_out;
}

json::Value to_json(const ReadyObject& object, const std::filesystem::path& directory)
{
    return json::Object{{"file", object.file.lexically_relative(directory).native()},
                        {"series_tag", object.series_tag},
                        {"object_tag", object.object_tag},
                        {"new_series", object.new_series},
                        {"new_sop", object.new_sop},
                        {"sop_class", object.sop_class},
                        {"sha256", object.sha256},
                        {"bytes", object.bytes},
                        {"masked", object.is_masked},
                        {"added", object.is_added}};
}

ReadyObject object_of(const json::Value& json, const std::filesystem::path& directory)
{
    return {.file = directory / member(json, "file").string(),
            .series_tag = json.text("series_tag"),
            .object_tag = json.text("object_tag"),
            .new_series = json.text("new_series"),
            .new_sop = json.text("new_sop"),
            .sop_class = json.text("sop_class"),
            .sha256 = member(json, "sha256").string(),
            .bytes = static_cast<std::uint64_t>(member(json, "bytes").integer()),
            .is_masked = member(json, "masked").boolean(),
            .is_added = member(json, "added").boolean()};
}

} // namespace

std::string modality_of(const ReadyObject& object)
{
    const auto name = object.file.filename().native();
    const auto end = name.size() - std::min(name.size(), ("." + object.new_sop + ".dcm").size());
    return name.substr(end) == "." + object.new_sop + ".dcm" ? name.substr(0, end) : std::string{};
}

json::Value to_json(const Preparation& preparation, const std::filesystem::path& directory)
{
    const auto& outcome = preparation.outcome;
    json::Array objects;
    for (const auto& object : preparation.objects) {
        objects.push_back(to_json(object, directory));
    }
    return json::Object{{"objects", std::move(objects)},
                        {"counts", to_json(outcome.counts)},
                        {"held", whole_json(outcome.held)},
                        {"skipped", whole_json(outcome.skipped)},
                        {"refused", whole_json(outcome.refused)},
                        {"deidentify_error", outcome.deidentify_error},
                        {"mapped_uids", texts_json(outcome.mapped_uids)},
                        {"deidentification", outcome.deidentification},
                        {"pixels", outcome.pixels},
                        {"verification", outcome.verification},
                        {"receipt", outcome.receipt}};
}

Preparation preparation_of(const json::Value& json, const std::filesystem::path& directory)
{
    Preparation preparation;
    for (const auto& object : member(json, "objects").array()) {
        preparation.objects.push_back(object_of(object, directory));
    }
    auto& outcome = preparation.outcome;
    outcome.counts = counts_of(member(json, "counts"));
    outcome.held = left_out_of(member(json, "held"));
    outcome.skipped = left_out_of(member(json, "skipped"));
    outcome.refused = left_out_of(member(json, "refused"));
    outcome.deidentify_error = member(json, "deidentify_error").boolean();
    outcome.mapped_uids = texts_of(member(json, "mapped_uids"));
    outcome.deidentification = member(json, "deidentification");
    outcome.pixels = member(json, "pixels");
    outcome.verification = member(json, "verification").string();
    outcome.receipt = member(json, "receipt").object();
    return preparation;
}

} // namespace fiona::transfer
