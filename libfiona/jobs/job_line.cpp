// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_line.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::jobs {

namespace {

/// Safe as a file name and as the name of a container; the end of a folder's name, which no other job, and
/// no output, then has.
bool is_id(std::string_view text)
{
    constexpr std::size_t longest = 64;
    return !text.empty() && text.size() <= longest && text.front() != '-' && text != "output"
           && text != "fetched"
           && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-")
                  == std::string_view::npos;
}

/// Legal JSON has line ends only between its parts; an environment variable can do without.
std::string checked_options(std::string options)
{
    if (trimmed(options).empty()) {
        return {};
    }
    std::erase(options, '\''); // as the original
    std::ranges::replace(options, '\n', ' ');
    std::ranges::replace(options, '\r', ' ');
    static_cast<void>(json::parse(options, "ROR_CONT_OPTIONS"));
    return options;
}

/// A list, or its JSON as a text: so writes who replaces `@destination@` between quotes.
json::Array checked_destination(const json::Value& value)
{
    if (value.is_null() || (value.is_string() && trimmed(value.string()).empty())) {
        return {};
    }
    const auto list = value.is_string() ? json::parse(value.string(), "destination") : value;
    if (!list.is_array()) {
        throw Error{Fault::data, "destination is no list of peers"};
    }
    return list.array();
}

} // namespace

std::string as_line(const Job& job)
{
    json::Array series;
    for (const auto& uid : job.series) {
        series.emplace_back(uid.str());
    }
    for (const auto& member : job.members) {
        series.emplace_back(json::Object{{"StudyInstanceUID", member.study.str()},
                                         {"SeriesInstanceUID", member.series.str()},
                                         {"NameFromSelect", member.name}});
    }
    json::Object line{{"type", "ror"},
                      {"project", job.project},
                      {"stream", job.stream},
                      {"image", job.image},
                      {"user", job.user},
                      {"date", iso8601_utc(job.date)},
                      {"job_number", job.number},
                      {"ror_folder", job.ror_folder},
                      {"destination", job.destination},
                      {"ROR_CONT_OPTIONS", job.options},
                      {"job_id", job.id},
                      {"series", std::move(series)}};
    if (job.study) {
        line["study"] = job.study->str();
    }
    if (!job.select.empty()) {
        line["select"] = job.select;
    }
    return json::write(line);
}

Job parse_line(std::string_view line)
{
    const auto value = json::parse(line, "job line");
    const auto wanted = [&](std::string_view key) {
        auto text = value.text(key);
        if (text.empty()) {
            throw Error{Fault::data, "{} is missing", key};
        }
        return text;
    };
    Job job{.id = value.text("job_id"),
            .project = ProjectName{wanted("project")}.str(),
            .stream = value.text("stream"),
            .image = wanted("image"),
            .user = value.text("user"),
            .date = TimePoint{},
            .number = value.text("job_number", "0"),
            .ror_folder = value.text("ror_folder"),
            .destination = {},
            .options = checked_options(value.text("ROR_CONT_OPTIONS")),
            .select = value.text("select"),
            .study = {},
            .series = {},
            .members = {}};
    if (!is_id(job.id)) {
        job.id = line_digest(job.id.empty() ? line : job.id);
    }
    constexpr std::size_t longest_number = 9;
    if (job.number.empty() || job.number.size() > longest_number
        || job.number.find_first_not_of("0123456789") != std::string::npos) {
        throw Error{Fault::data, "job_number is no number"};
    }
    if (const auto study = value.text("study"); !study.empty()) {
        job.study.emplace(study);
    }
    if (const auto* const series = value.find("series"); series != nullptr && series->is_array()) {
        for (const auto& item : series->array()) {
            if (item.is_object()) {
                job.members.push_back({StudyUid{item.text("StudyInstanceUID")},
                                       SeriesUid{item.text("SeriesInstanceUID")},
                                       item.text("NameFromSelect")});
            } else {
                job.series.emplace_back(item.text());
            }
        }
    }
    if (const auto* const where = value.find("destination")) {
        job.destination = checked_destination(*where);
    }
    return job;
}

std::string line_digest(std::string_view line)
{
    constexpr std::size_t id_digits = 32;
    return sha256_hex(line).substr(0, id_digits);
}

} // namespace fiona::jobs
