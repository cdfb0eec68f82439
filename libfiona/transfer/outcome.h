// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/requests.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What became of one request, and the three forms of it: the durable note beside the request, the
/// result fields of REDCap, the line of the audit. None of them holds an original identifier;
/// series are named by log::uid_tag().
namespace fiona::transfer {

/// Images. `in` is the sum of stored, held, skipped and refused.
struct Counts {
    std::size_t in = 0;
    std::size_t stored = 0;
    std::size_t before = 0;   ///< of the stored ones: by an earlier transfer, and not sent again
    std::size_t warnings = 0; ///< of the stored ones: the PACS changed or discarded something
    std::size_t masked = 0;   ///< of the stored ones: burned-in text was hidden in them
    std::size_t held = 0;
    std::size_t skipped = 0;
    std::size_t refused = 0; ///< by our policy or by the PACS
    std::size_t decoded = 0; ///< of the stored ones: the PACS takes them only without compression
    std::size_t added =
        0; ///< pictures of ours that the PACS has, for objects that viewers do not show
};

[[nodiscard]] json::Value to_json(const Counts& counts);
[[nodiscard]] Counts counts_of(const json::Value& json);

/// Images of one series that were left out for one reason.
struct LeftOut {
    std::string series; ///< tag
    std::string reason;
    friend auto operator<=>(const LeftOut&, const LeftOut&) = default;
};
/// The tags of their SOP instance UIDs. The reports name at most `max_named_images` of each.
using LeftOutImages = std::map<LeftOut, std::vector<std::string>>;
constexpr std::size_t max_named_images = 50;

struct Outcome {
    enum class Ending { done, failed } ending = Ending::failed;
    TimePoint started;
    std::optional<TimePoint> seen; ///< the newest series JSON when the images were selected
    double seconds = 0;
    std::vector<std::string> mapped_uids;
    bool deidentify_error = false;
    bool send_error = false;
    std::string error; ///< "" if all is well
    LeftOutImages held, skipped, refused;
    Counts counts;
    std::map<std::string, std::size_t> statuses; ///< of C-STORE, four hex digits or "unsent"
    std::uint64_t bytes = 0;                     ///< sent
    std::set<std::string> modalities;            ///< of the stored images
    json::Value deidentification;                ///< summary of the engine
    json::Value pixels = json::Array{};          ///< what was done about burned-in text, by series
    std::string verification = "not reached";    ///< clean, leaked
    /// Storage commitment: off, not offered, refused, not reported, committed.
    std::string commitment = "off";
    json::Object receipt; ///< its body; empty if nothing was de-identified
};

/// A request that failed before anything was decided about its images.
[[nodiscard]] Outcome failure(std::string error, TimePoint started);

/// For RequestWorker::note_result(): all that has still to be said and done.
[[nodiscard]] json::Value note_of(const Outcome& outcome, const store::TransferRequest& request);

/// The readers of a note. Throw Error{Fault::data} if it is none.
[[nodiscard]] redcap::TransferResult redcap_result(const json::Value& note,
                                                   const store::TransferRequest& request);
[[nodiscard]] std::optional<TimePoint> seen_of(const json::Value& note);
[[nodiscard]] Outcome::Ending ending_of(const json::Value& note);
/// For `_fail_messages.log`.
[[nodiscard]] const json::Value& messages_of(const json::Value& note); ///< part of `note`

} // namespace fiona::transfer
