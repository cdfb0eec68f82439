// SPDX-License-Identifier: MIT
#include "libfiona/ingest/reclassify.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/store/study_tree.h"

#include <algorithm>

namespace fiona::ingest {

namespace {

json::Array as_array(const std::vector<std::string>& texts)
{
    return {texts.begin(), texts.end()};
}

/// What evaluation starts from: everything but what it finds.
json::Object without_types(json::Object fields)
{
    fields.erase("ClassifyType");
    fields.erase("ClassifyVeto");
    return fields;
}

/// What `stored` has of the list `key` and `fields` has not, behind what that has.
void keep_old(json::Object& fields, const json::Value& stored, const std::string& key)
{
    const auto* const old = stored.find(key);
    if (old == nullptr || !old->is_array() || old->array().empty()) {
        return;
    }
    auto& list = fields.try_emplace(key, json::Array{}).first->second.array();
    for (const auto& type : old->array()) {
        if (std::ranges::find(list, type) == list.end()) {
            list.push_back(type);
        }
    }
}

/// For a series with images that cannot be read now: they may have given a type, or taken one away.
void keep_old_evidence(json::Object& fields, const json::Value& stored)
{
    keep_old(fields, stored, "ClassifyType");
    keep_old(fields, stored, "ClassifyVeto");
    const auto vetoes = fields.find("ClassifyVeto");
    if (vetoes != fields.end()) {
        std::erase_if(fields["ClassifyType"].array(), [&](const json::Value& type) {
            return std::ranges::find(vetoes->second.array(), type) != vetoes->second.array().end();
        });
    }
}

} // namespace

Reclassified reclassify(const Config& config, const classify::Rules& rules, const StudyUid& study,
                        Mode mode)
{
    const store::StudyTree tree{config.paths};
    if (!tree.has_study(study)) {
        throw Error{Fault::missing, "study {} is not in {}", log::uid_tag(study.str()),
                    config.paths.raw().native()};
    }
    Reclassified result;
    for (const auto& series : tree.series(study)) {
        store::SeriesJsonUpdate update{tree, study, series.uid};
        if (!update.stored().is_object()) {
            continue; // the processor makes it when it comes to its images
        }
        ++result.series;
        auto fields = without_types(update.stored().object());
        fields["ClassifyType"] = json::Array{};
        bool is_complete = true;
        for (const auto& image : tree.instances(study, series.uid)) {
            try {
                const auto found = rules.evaluate(dicom::Header::read(image), fields);
                fields["ClassifyType"] = as_array(found.types);
                if (!found.vetoes.empty()) {
                    fields["ClassifyVeto"] = as_array(found.vetoes);
                }
            } catch (const Error& e) {
                is_complete = false;
                ++result.unreadable;
                log::warn("image_unreadable", {{"study", study}, {"reason", e.what()}});
            }
        }
        if (!is_complete) {
            keep_old_evidence(fields, update.stored());
        }
        const json::Value wanted{fields};
        if (wanted == update.stored()) {
            continue;
        }
        ++result.changed;
        log::info("series_reclassified", {{"study", study}, {"series", series.uid}});
        if (mode == Mode::apply) {
            update.replace(wanted);
        }
    }
    return result;
}

Reclassified reclassify_all(const Config& config, const classify::Rules& rules, Mode mode)
{
    Reclassified total;
    for (const auto& study : store::StudyTree{config.paths}.studies()) {
        try {
            const auto one = reclassify(config, rules, study, mode);
            total.series += one.series;
            total.changed += one.changed;
            total.unreadable += one.unreadable;
        } catch (const Error& e) {
            ++total.skipped;
            log::error("study_skipped", {{"study", study}, {"reason", e.what()}});
        }
    }
    return total;
}

} // namespace fiona::ingest
