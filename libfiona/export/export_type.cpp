// SPDX-License-Identifier: MIT
#include "libfiona/export/export_type.h"

#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace fiona::exports {

namespace {

const std::vector<std::string_view> path_fields{"Project",
                                                "ParticipantID",
                                                "Event",
                                                "Folder",
                                                "InstitutionName",
                                                "PatientID",
                                                "StudyDate",
                                                "StudyTime",
                                                "Modality",
                                                "SeriesNumber",
                                                "SeriesDescription",
                                                "SeriesDescriptionWithoutBlanks",
                                                "SOPInstanceUID",
                                                "File"};
const std::vector<std::string_view> value_fields{
    "Project",   "ParticipantID", "DashedParticipantID", "Event", "PatientID",
    "StudyDate", "BirthDate",     "BirthYear",           "Age",   "AgeOrYears",
    "Sex"};
const std::vector<std::string_view> naming_fields{"Project", "ParticipantID", "Event"};

[[noreturn]] void complain(std::string_view where, std::string_view key, std::string_view what)
{
    throw Error{Fault::config, "exports: {}.{} must be {}", where, key, what};
}

std::vector<std::string> texts(const json::Value& block, std::string_view where,
                               std::string_view key)
{
    std::vector<std::string> list;
    const auto* const value = block.find(key);
    if (value == nullptr) {
        return list;
    }
    if (!value->is_array()) {
        complain(where, key, "a list of texts");
    }
    for (const auto& one : value->array()) {
        if (!one.is_string()) {
            complain(where, key, "a list of texts");
        }
        list.push_back(one.string());
    }
    return list;
}

dicom::Tag tag_of(std::string_view where, const std::string& keyword)
{
    const auto tag = anonymize::parse_tag(keyword);
    if (!tag) {
        throw Error{Fault::config, "exports: {}: {} is no element of the dictionary", where,
                    keyword};
    }
    return *tag;
}

std::vector<BidsRule> read_bids(const json::Value& block, std::string_view where)
{
    std::vector<BidsRule> rules;
    const auto* const list = block.find("bids");
    if (list == nullptr || !list->is_array()) {
        complain(where, "bids", "a list of rules");
    }
    for (const auto& one : list->array()) {
        BidsRule rule{.types = texts(one, where, "types"),
                      .without = texts(one, where, "without"),
                      .folder = one.text("folder"),
                      .suffix = one.text("suffix")};
        for (const auto& pattern : texts(one, where, "description")) {
            rule.description.emplace_back(pattern);
        }
        if (const auto* const entities = one.find("entities");
            entities != nullptr && entities->is_object()) {
            for (const auto& [name, value] : entities->object()) {
                rule.entities.emplace_back(name, value.text());
            }
        }
        rules.push_back(std::move(rule));
    }
    return rules;
}

ExportType::Images images_of(const json::Value& block, std::string_view where)
{
    const auto name = block.text("images", "dicom");
    constexpr std::array<std::pair<std::string_view, ExportType::Images>, 3> kinds{
        {{"dicom", ExportType::Images::dicom},
         {"nifti", ExportType::Images::nifti},
         {"bids", ExportType::Images::bids}}};
    const auto* const found =
        std::ranges::find(kinds, name, &std::pair<std::string_view, ExportType::Images>::first);
    if (found == kinds.end()) {
        complain(where, "images", "dicom, nifti or bids");
    }
    return found->second;
}

ExportType read_type(const std::string& name, const json::Value& block)
{
    if (!block.is_object()) {
        throw Error{Fault::config, "exports: {} must be an object", name};
    }
    ExportType type{.name = name,
                    .layout = Template{block.text("layout", "{Folder}/DICOM/{File}"), path_fields},
                    .include_sop = texts(block, name, "include_sop"),
                    .exclude_prefix = texts(block, name, "exclude_prefix"),
                    .images = images_of(block, name)};
    if (const auto* const shift = block.find("date_shift")) {
        constexpr std::int64_t most = 36'500;
        if (!shift->is_integer() || shift->integer() < -most || shift->integer() > most) {
            complain(name, "date_shift", "a number of days");
        }
        type.date_shift_days = static_cast<int>(shift->integer());
    }
    if (const auto* const set = block.find("set")) {
        if (!set->is_object()) {
            complain(name, "set", "an object of keyword and value");
        }
        for (const auto& [keyword, value] : set->object()) {
            if (!value.is_string()) {
                complain(name, "set", "an object of keyword and value");
            }
            type.set.emplace_back(tag_of(name, keyword), Template{value.string(), value_fields});
        }
    }
    for (const auto& keyword : texts(block, name, "clear")) {
        type.clear.push_back(tag_of(name, keyword));
    }
    std::ranges::sort(type.clear);
    if (const auto* const readme = block.find("readme")) {
        if (!readme->is_bool()) {
            complain(name, "readme", "true or false");
        }
        type.has_readme = readme->boolean();
    }
    if (type.images == ExportType::Images::bids) {
        type.bids = read_bids(block, name);
    }
    return type;
}

ProjectNaming read_naming(const json::Value& block)
{
    ProjectNaming naming{.event = Template{block.text("event", "{Event|}"), naming_fields},
                         .folder = Template{block.text("folder", "{Event}"), naming_fields}};
    if (const auto* const replace = block.find("event_replace");
        replace != nullptr && replace->is_object()) {
        for (const auto& [from, to] : replace->object()) {
            naming.event_replace.emplace_back(from, to.text());
        }
    }
    return naming;
}

} // namespace

ExportTypes ExportTypes::load(const std::filesystem::path& file)
{
    return parse(read_file(file));
}

ExportTypes ExportTypes::parse(std::string_view text)
{
    ExportTypes types;
    const auto document = [&] {
        try {
            return json::parse(text, "exports.json");
        } catch (const Error& e) {
            throw Error{Fault::config, "{}", e.what()};
        }
    }();
    if (!document.is_object()) {
        throw Error{Fault::config, "exports.json: no JSON object"};
    }
    types.m_usual = read_naming(json::Object{});
    for (const auto& [name, block] : document.object()) {
        if (name != "projects") {
            types.m_types.emplace(name, read_type(name, block));
        } else if (block.is_object()) {
            for (const auto& [project, naming] : block.object()) {
                types.m_projects.emplace(project, read_naming(naming));
            }
        }
    }
    return types;
}

const ExportType& ExportTypes::find(const std::string& name) const
{
    const auto found = m_types.find(name.empty() ? std::string{"plain"} : name);
    if (found == m_types.end()) {
        throw Error{Fault::config, "there is no such export type; there are {}",
                    fmt::join(names(), ", ")};
    }
    return found->second;
}

const ProjectNaming& ExportTypes::naming(const std::string& project) const
{
    const auto found = m_projects.find(project);
    return found == m_projects.end() ? m_usual : found->second;
}

std::vector<std::string> ExportTypes::names() const
{
    std::vector<std::string> names;
    for (const auto& [name, type] : m_types) {
        names.push_back(name);
    }
    return names;
}

} // namespace fiona::exports
