// SPDX-License-Identifier: MIT
#include "libfiona/transfer/outcome.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace fiona::transfer {

namespace {

json::Value to_json(const LeftOutImages& left_out)
{
    json::Array entries;
    for (const auto& [what, images] : left_out) {
        const auto named = std::min(images.size(), max_named_images);
        entries.push_back(json::Object{
            {"series", what.series},
            {"reason", what.reason},
            {"images", images.size()},
            {"objects",
             json::Array(images.begin(),
                         std::next(images.begin(), static_cast<std::ptrdiff_t>(named)))}});
    }
    return entries;
}

/// What people read in REDCap; also in the failure file.
json::Value messages(const Outcome& outcome)
{
    return json::Object{{"error", outcome.error},
                        {"held", to_json(outcome.held)},
                        {"skipped", to_json(outcome.skipped)},
                        {"refused", to_json(outcome.refused)},
                        {"counts", to_json(outcome.counts)}};
}

bool is_worth_telling(const Outcome& outcome)
{
    return !outcome.error.empty() || !outcome.held.empty() || !outcome.skipped.empty()
           || !outcome.refused.empty();
}

json::Value audit_record(const Outcome& outcome, const store::TransferRequest& request,
                         const std::string& id)
{
    json::Object statuses;
    for (const auto& [status, count] : outcome.statuses) {
        statuses.emplace(status, count);
    }
    json::Array studies;
    for (const auto& uid : outcome.mapped_uids) {
        studies.emplace_back(uid);
    }
    return json::Object{
        {"id", id},
        {"time", iso8601_utc(outcome.started)},
        {"tool", "fiona-anonymize-send " FIONA_VERSION},
        {"project", request.project.str()},
        {"participant", request.participant.str()},
        {"event", request.event ? request.event->str() : ""},
        {"new_studies", std::move(studies)},
        {"modalities", json::Array(outcome.modalities.begin(), outcome.modalities.end())},
        {"pixels", outcome.pixels},
        {"deidentification", outcome.deidentification},
        {"verification", outcome.verification},
        {"commitment", outcome.commitment},
        {"counts", to_json(outcome.counts)},
        {"held", to_json(outcome.held)},
        {"skipped", to_json(outcome.skipped)},
        {"refused", to_json(outcome.refused)},
        {"statuses", std::move(statuses)},
        {"bytes", outcome.bytes},
        {"seconds", outcome.seconds},
        {"error", outcome.error}};
}

const json::Value& member(const json::Value& note, std::string_view key)
{
    const auto* const found = note.find(key);
    if (found == nullptr) {
        throw Error{Fault::data, "the note of a transfer has no {}", key};
    }
    return *found;
}

} // namespace

json::Value to_json(const Counts& counts)
{
    return json::Object{
        {"in", counts.in},           {"stored", counts.stored},   {"warnings", counts.warnings},
        {"masked", counts.masked},   {"held", counts.held},       {"skipped", counts.skipped},
        {"refused", counts.refused}, {"decoded", counts.decoded}, {"added", counts.added},
        {"before", counts.before}};
}

Counts counts_of(const json::Value& json)
{
    const auto number = [&](std::string_view key) -> std::size_t {
        const auto* const value = json.find(key);
        return value == nullptr ? 0 : static_cast<std::size_t>(value->integer());
    };
    return {.in = number("in"),
            .stored = number("stored"),
            .before = number("before"),
            .warnings = number("warnings"),
            .masked = number("masked"),
            .held = number("held"),
            .skipped = number("skipped"),
            .refused = number("refused"),
            .decoded = number("decoded"),
            .added = number("added")};
}

Outcome failure(std::string error, TimePoint started)
{
    Outcome outcome;
    outcome.started = started;
    outcome.deidentify_error = true;
    outcome.error = std::move(error);
    return outcome;
}

json::Value note_of(const Outcome& outcome, const store::TransferRequest& request)
{
    constexpr std::size_t id_bytes = 12;
    const auto id = to_hex(random_bytes(id_bytes));
    const auto told = messages(outcome);
    const auto seen =
        outcome.seen
            ? json::Value{std::chrono::nanoseconds{outcome.seen->time_since_epoch()}.count()}
            : json::Value{};
    auto receipt = outcome.receipt;
    if (!receipt.empty()) {
        receipt["id"] = id;
        receipt["verification"] = outcome.verification;
        receipt["pixels"] = outcome.pixels;
        receipt["commitment"] = outcome.commitment;
    }
    return json::Object{
        {"audit", audit_record(outcome, request, id)},
        {"receipt", std::move(receipt)},
        {"seen_ns", seen},
        {"started", epoch_seconds(outcome.started)},
        {"seconds", outcome.seconds},
        {"mapped_uids", fmt::format("{}", fmt::join(outcome.mapped_uids, ","))},
        {"deidentify_error", outcome.deidentify_error},
        {"send_error", outcome.send_error},
        // As the original: that it was tried, also if there was nothing to hide.
        {"pixels_masked", !outcome.pixels.array().empty()},
        {"error_message",
         is_worth_telling(outcome) ? json::write(told, json::Style::pretty) : std::string{}},
        {"messages", told},
        {"ending", outcome.ending == Outcome::Ending::done ? "done" : "failed"},
    };
}

redcap::TransferResult redcap_result(const json::Value& note, const store::TransferRequest& request)
{
    const auto* const masked = note.find("pixels_masked"); // notes of earlier versions have none
    return {.study = request.study,
            .instance = request.instance,
            .project = request.project.str(),
            .participant = request.participant.str(),
            .started = TimePoint{std::chrono::seconds{member(note, "started").integer()}},
            .mapped_uids = member(note, "mapped_uids").string(),
            .deidentify_error = member(note, "deidentify_error").boolean(),
            .send_error = member(note, "send_error").boolean(),
            .pixels_masked = masked != nullptr && masked->boolean(),
            .error_message = member(note, "error_message").string(),
            .seconds = member(note, "seconds").number()};
}

std::optional<TimePoint> seen_of(const json::Value& note)
{
    const auto* const seen = note.find("seen_ns");
    if (seen == nullptr || seen->is_null()) {
        return std::nullopt;
    }
    return TimePoint{
        std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds{seen->integer()})};
}

Outcome::Ending ending_of(const json::Value& note)
{
    return member(note, "ending").string() == "done" ? Outcome::Ending::done
                                                     : Outcome::Ending::failed;
}

const json::Value& messages_of(const json::Value& note)
{
    return member(note, "messages");
}

} // namespace fiona::transfer
