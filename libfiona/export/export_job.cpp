// SPDX-License-Identifier: MIT
#include "libfiona/export/export_job.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

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

std::string from_base64(const std::string& text)
{
    if (text.empty()) {
        return {};
    }
    std::string bytes(text.size(), '\0');
    // NOLINTBEGIN(*-reinterpret-cast) C interface
    const int made = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    // NOLINTEND(*-reinterpret-cast)
    const auto padding = text.size() - std::min(text.find_last_not_of('=') + 1, text.size());
    if (made < 0 || padding > 2) {
        throw Error{Fault::data, "export job: password is no base64"};
    }
    bytes.resize(static_cast<std::size_t>(made) - padding);
    return bytes;
}

std::string to_base64(const std::string& bytes)
{
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    // NOLINTBEGIN(*-reinterpret-cast) C interface
    const int made = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    // NOLINTEND(*-reinterpret-cast)
    text.resize(static_cast<std::size_t>(made));
    return text;
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
                  .password = Private<std::string>{from_base64(value_of(line, "password"))},
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
            {"password", to_base64(job.password.reveal())},
            {"email", job.email},
            {"sender_email", job.sender},
            {"requested", iso8601_utc(requested)}};
}

} // namespace fiona::exports
