// SPDX-License-Identifier: MIT
#include "libfiona/export/nifti.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/classify/rules.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/classify/series_record.h"
#include "libfiona/dicom/header.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

/// In the folder and by the name given. `-ba y` leaves out of the JSON what may identify.
void convert(const fs::path& folder, const fs::path& target, const std::string& name,
             const ExportSettings& settings)
{
    const auto finished = [&] {
        try {
            return run({.arguments = {"dcm2niix", "-i", "n", "-b", "y", "-ba", "y", "-z", "n", "-f",
                                      name, "-o", target.native(), folder.native()},
                        .deadline = settings.converter_deadline});
        } catch (const Error& e) {
            throw Error{Fault::config, "dcm2niix is needed for this type: {}", e.what()};
        }
    }();
    if (finished.timed_out) {
        throw Error{Fault::data, "dcm2niix did not end in time"};
    }
    // Of its own codes: 5 to 7 and 9 are folders and names it cannot use; from 126 on it did not end by itself.
    constexpr std::array unusable{5, 6, 7, 9};
    constexpr int not_ended = 126;
    if (finished.exit_code >= not_ended
        || std::ranges::find(unusable, finished.exit_code) != unusable.end()) {
        throw Error{Fault::temporary,
                    "dcm2niix could not do its work (exit code {}; memory, disk?)",
                    finished.exit_code};
    }
    if (finished.exit_code != 0) { // some series may be no images; what there is counts
        log::warn("converter_complained", {{"exit_code", finished.exit_code}});
    }
}

template <typename T>
T number_at(std::string_view bytes, std::size_t offset)
{
    T number{};
    std::memcpy(&number, bytes.data() + offset, sizeof number);
    return number;
}

/// What the header of NIfTI-1 promises (nifti1.h: dim, bitpix, vox_offset), in the byte order of this
/// machine, as dcm2niix writes it. Nothing if it is no such header.
std::optional<double> promised_bytes(std::string_view header)
{
    constexpr std::size_t header_bytes = 348;
    constexpr std::size_t dim = 40;
    constexpr std::size_t bitpix = 72;
    constexpr std::size_t vox_offset = 108;
    constexpr double bits_of_a_byte = 8;
    if (header.size() < header_bytes
        || number_at<std::int32_t>(header, 0) != static_cast<std::int32_t>(header_bytes)) {
        return std::nullopt;
    }
    double bytes = number_at<std::int16_t>(header, bitpix) / bits_of_a_byte;
    for (std::int16_t i = 1; i <= number_at<std::int16_t>(header, dim); ++i) {
        bytes *= number_at<std::int16_t>(header, dim + sizeof i * static_cast<std::size_t>(i % 8));
    }
    return bytes + static_cast<double>(number_at<float>(header, vox_offset));
}

/// dcm2niix says success on a disk that is full.
void require_whole(const fs::path& file)
{
    constexpr std::size_t enough = 512;
    bool is_whole = fs::file_size(file) > 0;
    if (file.extension() == ".nii") {
        std::ifstream stream{file, std::ios::binary};
        std::string header(enough, '\0');
        stream.read(header.data(), enough);
        header.resize(static_cast<std::size_t>(stream.gcount()));
        const auto promised = promised_bytes(header);
        is_whole = promised && static_cast<double>(fs::file_size(file)) >= *promised;
    }
    if (!is_whole) {
        throw Error{Fault::io, "dcm2niix wrote a file that is cut short (is the disk full?)"};
    }
}

std::vector<fs::path> results_in(const fs::path& folder)
{
    constexpr std::array kept{".json", ".nii", ".bval", ".bvec"};
    std::vector<fs::path> results;
    for (const auto& entry : fs::directory_iterator{folder}) {
        if (entry.is_regular_file()
            && std::ranges::find(kept, entry.path().extension().native()) != kept.end()) {
            require_whole(entry.path());
            results.push_back(entry.path());
        }
    }
    std::ranges::sort(results);
    return results;
}

struct Series {
    Fields fields;
    std::vector<fs::path> files;
};

std::map<std::string, Series> by_series(const std::vector<PlannedImage>& images)
{
    std::map<std::string, Series> all;
    for (const auto& image : images) {
        auto& series = all[image.series];
        series.files.push_back(image.file);
        if (series.fields.empty()) {
            series.fields = image.fields;
        }
    }
    return all;
}

std::vector<std::string> classified(const classify::Rules& rules, const Series& series)
{
    classify::SeriesRecord record{json::Value{}};
    std::vector<std::string> types;
    for (const auto& file : series.files) {
        const auto header = dicom::Header::read(file);
        record.add(classify::series_fields(header, {}), classify::Arrival::first);
        const auto found = rules.evaluate(header, record.fields());
        const auto as_array = [](const std::vector<std::string>& texts) {
            return json::Array(texts.begin(), texts.end());
        };
        record.set("ClassifyType", as_array(found.types));
        record.set("ClassifyVeto", as_array(found.vetoes));
        types = found.types;
    }
    return types;
}

bool holds(const BidsRule& rule, const std::vector<std::string>& types,
           const std::string& description)
{
    const auto has = [&](const std::string& type) {
        return std::ranges::find(types, type) != types.end();
    };
    return std::ranges::all_of(rule.types, has) && std::ranges::none_of(rule.without, has)
           && (rule.description.empty()
               || std::ranges::any_of(rule.description, [&](const Pattern& pattern) {
                      return pattern.is_in(description);
                  }));
}

void copy_series(const Series& series, const fs::path& folder, const ExportType& type,
                 const PackageFacts& facts)
{
    fs::create_directory(folder);
    for (const auto& file : series.files) {
        write_image(file, folder / file.filename(), type, facts);
    }
}

std::vector<BidsRule>::const_iterator rule_for(const Series& series, const ExportType& type,
                                               const classify::Rules& rules)
{
    const auto types = classified(rules, series);
    const auto& description = series.fields.find("SeriesDescription")->second;
    return std::ranges::find_if(
        type.bids, [&](const BidsRule& candidate) { return holds(candidate, types, description); });
}

/// The site's, else those that came with the tools.
classify::Rules rules_of(const Config& config)
{
    return classify::Rules::load(fs::exists(config.classify_rules)
                                     ? config.classify_rules
                                     : shipped_file("rules/classifyRules.json"));
}

/// Names of one BIDS data set.
class BidsNames {
public:
    explicit BidsNames(const PackageFacts& facts)
        : m_subject{"sub-" + bids_label(facts.participant_id)},
          m_session{facts.event.empty() ? "" : "ses-" + bids_label(facts.event)}
    {
    }

    [[nodiscard]] const std::string& subject() const { return m_subject; }

    /// Folder and file name without its suffix.
    std::pair<std::string, std::string> of(const BidsRule* rule, const Fields& fields)
    {
        const auto description = bids_label(fields.find("SeriesDescription")->second);
        const auto place = m_subject + (m_session.empty() ? "" : "/" + m_session);
        if (rule == nullptr) {
            const auto number = safe_part(fields.find("SeriesNumber")->second);
            auto name = fmt::format("{}_{}", number, description);
            auto& count = m_runs["extra_data/" + name];
            name += ++count == 1 ? "" : fmt::format("_{}", count);
            return {fmt::format("extra_data/{}/{}", place, name), name};
        }
        auto name = m_subject + (m_session.empty() ? "" : "_" + m_session);
        for (const auto& [entity, value] : rule->entities) {
            name += fmt::format("_{}-{}", bids_label(entity), bids_label(value));
        }
        name += "_acq-" + description;
        const auto run = ++m_runs[fmt::format("{}/{}_{}", rule->folder, name, rule->suffix)];
        return {fmt::format("{}/{}", place, bids_label(rule->folder)),
                fmt::format("{}_run-{}_{}", name, run, bids_label(rule->suffix))};
    }

private:
    std::string m_subject;
    std::string m_session;
    std::map<std::string, unsigned> m_runs;
};

MadeFile text_file(const fs::path& folder, const std::string& name, const std::string& text)
{
    store::write_file(folder / name, text);
    return {folder / name, name};
}

std::vector<MadeFile> data_set_files(const fs::path& folder, const std::string& subject,
                                     const std::string& project, const Fields& fields)
{
    const json::Object description{
        {"Name", project},
        {"BIDSVersion", "1.8.0"},
        {"DatasetType", "raw"},
        {"GeneratedBy",
         json::Array{json::Object{{"Name", "fiona-create-zip"}, {"Version", FIONA_VERSION}}}}};
    const auto or_none = [&](std::string_view name) {
        const auto found = fields.find(name);
        return found == fields.end() || found->second.empty() ? "n/a" : found->second;
    };
    return {text_file(folder, "dataset_description.json",
                      json::write(description, json::Style::pretty) + "\n"),
            text_file(folder, "participants.tsv",
                      fmt::format("participant_id\tage\tsex\n{}\t{}\t{}\n", subject,
                                  or_none("PatientAge"), or_none("PatientSex"))),
            text_file(folder, ".bidsignore", "extra_data/\n")};
}

} // namespace

std::string bids_label(std::string_view text)
{
    std::string label{text};
    std::erase_if(label, [](char c) {
        return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z');
    });
    constexpr std::size_t longest = 40;
    return label.empty() ? "unknown" : label.substr(0, longest);
}

std::vector<MadeFile> make_nifti(const std::vector<PlannedImage>& images, const PackageOrder& order)
{
    const auto changed = order.work.fresh("changed");
    const auto folder = changed / "DICOM"; // dcm2niix's %f
    fs::create_directory(folder);
    for (const auto& image : images) {
        write_image(image.file, folder / image.file.filename(), order.type, order.facts);
    }
    const auto target = order.work.fresh("nifti");
    convert(folder, target, "%f_%p_%t_%s", order.settings);
    const auto place = fs::path{images.empty() ? "" : images.front().name}.parent_path();
    UniqueNames names;
    std::vector<MadeFile> made;
    for (const auto& result : results_in(target)) {
        const auto name = place / safe_file(result.filename().native());
        made.push_back({result, names.take(name.native())});
    }
    return made;
}

std::vector<MadeFile> make_bids(const std::vector<PlannedImage>& images, const PackageOrder& order)
{
    const auto& type = order.type;
    const auto rules = rules_of(order.config);
    const auto changed = order.work.fresh("changed");
    const auto target = order.work.fresh("nifti");
    BidsNames bids{order.facts};
    UniqueNames names;
    auto made = data_set_files(changed, bids.subject(), order.facts.project,
                               images.empty() ? Fields{} : images.front().fields);
    for (const auto& [uid, series] : by_series(images)) {
        const auto rule = rule_for(series, type, rules);
        if (rule != type.bids.end() && rule->folder.empty()) {
            continue;
        }
        const auto [folder, name] =
            bids.of(rule == type.bids.end() ? nullptr : &*rule, series.fields);
        copy_series(series, changed / uid, type, order.facts);
        fs::create_directory(target / uid);
        convert(changed / uid, target / uid, name, order.settings);
        for (const auto& result : results_in(target / uid)) {
            const auto file = safe_file(result.filename().native());
            made.push_back({result, names.take(fmt::format("{}/{}", folder, file))});
        }
    }
    return made;
}

} // namespace fiona::exports
