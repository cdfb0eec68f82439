// SPDX-License-Identifier: MIT
#include "libfiona/export/export_job.h"

#include "libfiona/base/base64.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace fiona::exports {

namespace {

constexpr std::size_t max_value_bytes = 1024;

std::string value_of(const json::Value& line, std::string_view key)
{
    auto value = line.text(key);
    if (value.size() > max_value_bytes || !is_utf8(value)) {
        throw Error{Fault::data, "export job: {} is too long, or no UTF-8", key};
    }
    return value;
}

std::string required(const json::Value& line, std::string_view key)
{
    auto value = value_of(line, key);
    if (trimmed(value).empty()) {
        throw Error{Fault::data, "export job: no {}", key};
    }
    return value;
}

unsigned number(const json::Value& line, std::string_view key)
{
    const auto text = line.text(key, "0"); // the page writes numbers, and once wrote texts
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    return parsed.ec == std::errc{} ? value : 0;
}

std::string password_in(const json::Value& line)
{
    const auto text = value_of(line, "password");
    auto password = base64_decoded(text);
    if (!password || base64(*password) != trimmed(text)) { // one that was never encoded
        throw Error{Fault::data, "export job: password is no base64"};
    }
    return std::move(*password);
}

ExportJob::State state_of(const json::Value& line)
{
    const auto state = line.text("state");
    using enum ExportJob::State;
    return state == "running" ? running : state == "mailing" ? mailing : queued;
}

} // namespace

std::string_view state_name(ExportJob::State state)
{
    switch (state) {
    case ExportJob::State::queued: return "queued";
    case ExportJob::State::running: return "running";
    case ExportJob::State::mailing: break;
    }
    return "mailing";
}

// The original compared study, accession number and type only; two projects may ask for one study.
std::string id_of(const json::Value& line)
{
    constexpr std::array keys{"project",         "patientid", "studyinstanceuid",
                              "accessionnumber", "event",     "exportType"};
    json::Array asked;
    for (const auto* const key : keys) {
        asked.emplace_back(line.text(key));
    }
    asked.emplace_back(line.text("email")); // another reader is another package
    asked.emplace_back(!line.text("password").empty());
    return sha256_hex(json::write(asked)).substr(0, 16);
}

ExportJob read_job(const json::Value& line)
{
    if (!line.is_object()) {
        throw Error{Fault::data, "export job: no JSON object"};
    }
    const auto study = required(line, "studyinstanceuid");
    if (!is_uid(study)) {
        throw Error{Fault::data, "export job: studyinstanceuid is no UID"};
    }
    ExportJob job{.id = id_of(line),
                  .project = required(line, "project"),
                  .participant = required(line, "patientid"),
                  .study = StudyUid{study},
                  .accession = Private<std::string>{value_of(line, "accessionnumber")},
                  .event = value_of(line, "event"),
                  .type = value_of(line, "exportType"),
                  .destination = value_of(line, "destination"),
                  .user = value_of(line, "user"),
                  .email = value_of(line, "email"),
                  .sender = value_of(line, "sender_email"),
                  .password = Private<std::string>{password_in(line)},
                  .token = value_of(line, "token"),
                  .attempts = number(line, "downloadAttempts"),
                  .postponed = number(line, "postponed"),
                  .interrupted = number(line, "interrupted"),
                  .state = state_of(line),
                  .last_error = value_of(line, "last_error")};
    if (const auto* const when = line.find("not_before"); when != nullptr && when->is_integer()) {
        job.not_before = TimePoint{std::chrono::seconds{when->integer()}};
    }
    return job;
}

json::Object as_line(const ExportJob& job, TimePoint requested)
{
    return {{"project", job.project},
            {"patientid", job.participant},
            {"studyinstanceuid", job.study.str()},
            {"accessionnumber", job.accession.reveal()},
            {"event", job.event},
            {"exportType", job.type},
            {"destination", job.destination},
            {"downloadAttempts", job.attempts},
            {"user", job.user},
            {"password", base64(job.password.reveal())},
            {"email", job.email},
            {"sender_email", job.sender},
            {"requested", iso8601_utc(requested)}};
}

} // namespace fiona::exports
