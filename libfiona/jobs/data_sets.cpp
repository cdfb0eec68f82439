// SPDX-License-Identifier: MIT
#include "libfiona/jobs/data_sets.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/dicom/header.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

using Values = std::vector<std::string>;

/// What is asked of one series, read when it is asked for.
class Facts {
public:
    Facts(const store::StudyTree& tree, const StudyUid& study,
          const store::StudyTree::Series& series)
        : m_directory{tree.series_directory(study, series.uid)},
          m_files{tree.instances(study, series.uid)}, m_fields{series.properties.value_or(
                                                          json::Object{})}
    {
    }

    [[nodiscard]] std::optional<Values> values(const SelectTag& tag)
    {
        if (tag.tag) {
            if (auto found = header_values(*tag.tag)) {
                return found;
            }
        }
        if (tag.name == "NumImages") {
            return Values{std::to_string(m_files.size())};
        }
        if (tag.name == "Path") {
            return Values{m_directory.native()};
        }
        const auto* const field =
            m_fields.find(tag.name == "ClassifyTypes" ? "ClassifyType" : tag.name);
        if (field == nullptr || field->is_object() || field->is_null()) {
            return std::nullopt;
        }
        if (!field->is_array()) {
            return Values{field->text()};
        }
        Values list;
        for (const auto& item : field->array()) {
            list.push_back(item.text());
        }
        return list;
    }

    [[nodiscard]] std::string text(std::string_view key) const { return m_fields.text(key); }

private:
    std::optional<Values> header_values(dicom::Tag tag)
    {
        if (!m_header && !m_is_unreadable && !m_files.empty()) {
            try {
                m_header = std::make_unique<dicom::Header>(dicom::Header::read(m_files.front()));
            } catch (const Error& e) {
                if (e.fault() != Fault::data && e.fault() != Fault::missing) {
                    throw;
                }
                m_is_unreadable = true; // then the series has no elements
            }
        }
        return m_header ? m_header->values(tag) : std::nullopt;
    }

    fs::path m_directory;
    std::vector<fs::path> m_files;
    json::Value m_fields;
    std::unique_ptr<dicom::Header> m_header;
    bool m_is_unreadable = false;
};

std::vector<SeriesSet> frozen_sets(const fs::path& ror_folder)
{
    const auto text = read_file_if_any(ror_folder / "jobs.json");
    if (!text) {
        throw Error{Fault::data,
                    "unstable job number: the line names no series, and its folder has "
                    "no jobs.json"};
    }
    const auto document = json::parse(*text, "jobs.json");
    std::vector<SeriesSet> sets;
    for (const auto& job : document.array()) {
        auto& set = sets.emplace_back();
        for (const auto& series : job.array()) {
            set.push_back({StudyUid{series.text("StudyInstanceUID")},
                           SeriesUid{series.text("SeriesInstanceUID")},
                           series.text("NameFromSelect")});
        }
    }
    return sets;
}

SeriesSet by_number(const std::vector<SeriesSet>& sets, const std::string& number)
{
    std::size_t index = 0;
    std::from_chars(number.data(), number.data() + number.size(), index); // digits, few of them
    if (index >= sets.size()) {
        throw Error{Fault::data, "there is no data set {}: there are {}", index, sets.size()};
    }
    return sets[index];
}

/// Those of the line, of its study.
std::vector<Candidate> listed(const Job& job, const store::StudyTree& tree)
{
    auto all = candidates(tree, {*job.study});
    if (!job.series.empty()) {
        std::erase_if(all, [&](const Candidate& one) {
            return std::ranges::find(job.series, one.series) == job.series.end();
        });
    }
    return all;
}

} // namespace

std::vector<Candidate> candidates(const store::StudyTree& tree,
                                  const std::vector<StudyUid>& studies)
{
    std::vector<Candidate> result;
    for (const auto& study : studies.empty() ? tree.studies() : studies) {
        for (const auto& series : tree.series(study)) {
            const auto uid = series.uid;
            auto facts = std::make_shared<Facts>(tree, study, series);
            result.push_back(
                {.study = study,
                 .series = uid,
                 .patient_id = Private{facts->text("PatientID")},
                 .patient_name = Private{facts->text("PatientName")},
                 .values = [facts](const SelectTag& tag) { return facts->values(tag); }});
        }
    }
    return result;
}

std::vector<SeriesSet> chosen_sets(const Statement& statement, const std::vector<Candidate>& series)
{
    std::vector<SeriesSet> result;
    for (const auto& set : select_sets(statement, series)) {
        auto& names = result.emplace_back();
        for (const auto& member : set) {
            const auto& chosen = series[member.candidate];
            names.push_back({chosen.study, chosen.series, member.name});
        }
    }
    return result;
}

std::vector<SeriesSet> sets_of(const Job& job, const store::StudyTree& tree,
                               const fs::path& ror_folder)
{
    if (!job.members.empty()) {
        return {job.members};
    }
    if (!job.study) {
        return {by_number(frozen_sets(ror_folder), job.number)};
    }
    if (!job.select.empty()) {
        auto sets = chosen_sets(parse_statement(job.select), listed(job, tree));
        return job.number == "0" ? sets : std::vector<SeriesSet>{by_number(sets, job.number)};
    }
    SeriesSet set;
    for (const auto& series : job.series) {
        set.push_back({*job.study, series});
    }
    if (set.empty()) {
        for (const auto& series : tree.series(*job.study)) {
            set.push_back({*job.study, series.uid});
        }
    }
    return set.empty() ? std::vector<SeriesSet>{} : std::vector<SeriesSet>{set};
}

json::Value as_frozen_list(const std::vector<SeriesSet>& sets)
{
    json::Array jobs;
    for (std::size_t number = 0; number < sets.size(); ++number) {
        json::Array job;
        for (const auto& series : sets[number]) {
            job.emplace_back(json::Object{{"StudyInstanceUID", series.study.str()},
                                          {"SeriesInstanceUID", series.series.str()},
                                          {"NameFromSelect", series.name},
                                          {"JobID", std::to_string(number)}});
        }
        jobs.emplace_back(std::move(job));
    }
    return jobs;
}

std::vector<InputSeries> input_of(const SeriesSet& set, const store::StudyTree& tree)
{
    std::vector<InputSeries> input;
    for (const auto& name : set) {
        InputSeries series{.name = name.name,
                           .study = name.study,
                           .series = name.series,
                           .files = tree.instances(name.study, name.series),
                           .types = {},
                           .source = tree.series_directory(name.study, name.series)};
        const auto text = read_file_if_any(tree.series_json(name.study, name.series));
        try {
            const auto fields = text ? json::parse(*text, "series JSON") : json::Value{};
            const auto* const types = fields.find("ClassifyType");
            if (types != nullptr && types->is_array()) {
                for (const auto& type : types->array()) {
                    series.types.push_back(type.text());
                }
            }
        } catch (const Error&) { // what the series is called changes nothing of the images
        }
        input.push_back(std::move(series));
    }
    return input;
}

} // namespace fiona::jobs
