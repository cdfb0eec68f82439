// SPDX-License-Identifier: MIT
#include "libfiona/transfer/transfer.h"

#include "libfiona/anonymize/inputs.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/query.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/store/study_tree.h"
#include "libfiona/transfer/decompress.h"
#include "libfiona/transfer/journal.h"
#include "libfiona/transfer/prepare.h"
#include "libfiona/transfer/review.h"
#include "libfiona/transfer/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view study_is_gone =
    "the study is no longer on this machine; send it again from the clinical PACS";

/// An object, and what became of it.
struct Parcel {
    ReadyObject object;
    enum class State { open, stored, refused } state = State::open;
    std::string status; ///< of C-STORE, or "unsent"
    std::string reason; ///< of a refused one
    bool was_decoded = false;
    bool was_before = false; ///< by an earlier transfer
};

/// It was sent before, and nobody has asked for all of it again: something has been added to the study
/// (routing::decide()).
bool is_addition(const store::TransferRequest& request)
{
    const auto sent = parse_local_minute(trimmed(request.content.text("transfer_date")));
    const auto asked = parse_local_minute(trimmed(request.requested));
    return sent && (!asked || *asked <= *sent);
}

/// SOP instance UIDs of some series that the PACS says it has.
std::set<std::string> found_in_pacs(const Config& config, const std::vector<std::string>& studies,
                                    const std::set<std::string>& series)
{
    std::set<std::string> found;
    pacs::QuerySession session{pacs::research_query(config)};
    for (const auto& study : studies) {
        for (const auto& one : series) {
            const auto result = session.find(
                pacs::Level::image,
                {{"StudyInstanceUID", study}, {"SeriesInstanceUID", one}, {"SOPInstanceUID", ""}},
                [&](const pacs::Keys& image) {
                    found.insert(image.at("SOPInstanceUID"));
                    return pacs::Next::more;
                });
            if (result.ending != pacs::Ending::complete) {
                throw Error{Fault::protocol, "{}", pacs::describe(result.ending, result.status)};
            }
        }
    }
    return found;
}

bool is_stored(const pacs::SendResult& result)
{
    return result.outcome == pacs::SendOutcome::stored
           || result.outcome == pacs::SendOutcome::warning;
}

std::string status_of(const pacs::SendResult& result)
{
    return result.outcome == pacs::SendOutcome::unsent ? "unsent"
                                                       : fmt::format("{:04X}", result.status);
}

/// One prepared study on its way to the PACS.
class Journey {
public:
    Journey(const Means& means, const store::TransferRequest& request, TimePoint now,
            Preparation preparation)
        : m_means{means}, m_request{request}, m_journal{means.config.paths, request, now},
          m_now{now}, m_outcome{std::move(preparation.outcome)}
    {
        m_outcome.started = now;
        for (auto& object : preparation.objects) {
            m_parcels.push_back({std::move(object), Parcel::State::open, {}, {}});
        }
    }

    std::variant<Outcome, Postponed> go()
    {
        if (m_outcome.counts.in == 0) {
            return failure(std::string{study_is_gone}, m_outcome.started);
        }
        if (is_addition(m_request) && m_journal.is_new()) {
            leave_out_what_is_there();
        }
        if (auto postponed = sent()) {
            return *std::move(postponed);
        }
        if (auto postponed = committed()) {
            return *std::move(postponed);
        }
        conclude();
        return std::move(m_outcome);
    }

private:
    /// What an earlier transfer sent, byte for byte, and the PACS still has need not go again. A PACS that
    /// cannot be asked gets everything: that is harmless, a study with a hole is not.
    void leave_out_what_is_there()
    {
        const auto before = Journal::finished(m_means.config.paths, m_request);
        std::vector<const ReadyObject*> same;
        std::set<std::string> series;
        for (const auto& parcel : m_parcels) {
            const auto& object = parcel.object;
            if (before.stored(object.new_series, object.new_sop, object.sha256) != nullptr) {
                same.push_back(&object);
                series.insert(object.new_series);
            }
        }
        if (same.empty()) {
            return;
        }
        try {
            const auto there = found_in_pacs(m_means.config, m_outcome.mapped_uids, series);
            for (const auto* const object : same) {
                if (there.contains(object->new_sop)) {
                    auto stored = *before.stored(object->new_series, object->new_sop);
                    stored.was_before = true;
                    m_journal.note_stored(object->new_series, object->new_sop, stored);
                }
            }
        } catch (const Error& e) {
            if (e.fault() == Fault::io) {
                throw;
            }
            log::warn("everything_sent_again", {{"study", m_request.study}, {"reason", e.what()}});
        }
    }

    /// Sends what the PACS has not yet. Something if it has to be tried again.
    std::optional<Postponed> sent()
    {
        std::vector<fs::path> files;
        std::map<fs::path, Parcel*> parcel_of;
        for (auto& parcel : m_parcels) {
            const auto& object = parcel.object;
            if (const auto* const stored =
                    m_journal.stored(object.new_series, object.new_sop, object.sha256)) {
                parcel.state = Parcel::State::stored;
                parcel.status = stored->status;
                parcel.was_decoded = stored->was_decoded;
                parcel.was_before = stored->was_before;
            } else {
                files.push_back(object.file);
                parcel_of.emplace(object.file, &parcel);
            }
        }
        if (files.empty()) {
            return std::nullopt;
        }
        const auto results = pacs::send_files(
            m_means.peer, files,
            [&](const pacs::SendResult& result) { take(result, *parcel_of.at(result.file)); },
            [&](const fs::path& file) { return decoded(file, *parcel_of.at(file)); });
        const auto first = std::ranges::find_if(results, pacs::may_succeed_later);
        if (first == results.end()) {
            return std::nullopt;
        }
        const auto missing = std::ranges::count_if(results, pacs::may_succeed_later);
        return once_more(fmt::format("the research PACS has not taken {} of {} images: {}", missing,
                                     results.size(), first->reason));
    }

    void take(const pacs::SendResult& result, Parcel& parcel)
    {
        parcel.status = status_of(result);
        parcel.was_decoded = result.was_decoded;
        if (is_stored(result)) {
            parcel.state = Parcel::State::stored;
            m_journal.note_stored(parcel.object.new_series, parcel.object.new_sop,
                                  {.status = parcel.status,
                                   .was_decoded = result.was_decoded,
                                   .sha256 = parcel.object.sha256});
        } else {
            parcel.state = Parcel::State::refused;
            parcel.reason = result.reason;
        }
    }

    /// A copy that the sender removes.
    fs::path decoded(const fs::path& file, const Parcel& parcel)
    {
        const auto header = parcel.object.bytes; // at most
        auto copy =
            m_means.workspace.make_room("decoded", header + decoded_bytes(file)) / "image.dcm";
        decompress(file, copy);
        m_decoded[parcel.object.new_sop] = anonymize::sha256_of_file(copy);
        return copy;
    }

    /// Storage commitment for what is stored. Something if it has to be tried again.
    std::optional<Postponed> committed()
    {
        std::vector<pacs::ObjectReference> stored;
        for (const auto& parcel : m_parcels) {
            if (parcel.state == Parcel::State::stored) {
                stored.push_back({parcel.object.sop_class, parcel.object.new_sop});
            }
        }
        if (stored.empty()) {
            return std::nullopt;
        }
        const auto verdict = m_means.committer.judge(m_journal, std::move(stored), m_now);
        m_outcome.commitment = verdict.word;
        if (verdict.postponed) {
            if (m_journal.failures() < max_failures) {
                return Postponed{*verdict.postponed};
            }
            refuse_uncommitted(*verdict.postponed);
            return std::nullopt;
        }
        for (auto& parcel : m_parcels) {
            const auto lost = verdict.lost.find(parcel.object.new_sop);
            if (lost != verdict.lost.end() && parcel.state == Parcel::State::stored) {
                m_journal.note_lost(parcel.object.new_series, parcel.object.new_sop);
                parcel.state = Parcel::State::refused;
                parcel.reason = "stored, but not kept: " + lost->second;
            }
        }
        if (verdict.lost.empty()) {
            return std::nullopt;
        }
        m_outcome.commitment = "denied";
        return once_more(fmt::format("the research PACS has stored {} images and not kept them: {}",
                                     verdict.lost.size(), verdict.lost.begin()->second));
    }

    void refuse_uncommitted(const std::string& reason)
    {
        for (auto& parcel : m_parcels) {
            if (parcel.state == Parcel::State::stored
                && !m_journal.is_committed(parcel.object.new_sop)) {
                parcel.state = Parcel::State::refused;
                parcel.reason = reason;
            }
        }
    }

    /// Nothing when it was tried often enough.
    std::optional<Postponed> once_more(std::string reason)
    {
        m_journal.note_failure();
        if (m_journal.failures() >= max_failures) {
            return std::nullopt;
        }
        return Postponed{std::move(reason)};
    }

    void conclude()
    {
        json::Object stores;
        json::Array before;
        std::map<std::string, std::vector<fs::path>> masked;
        for (const auto& parcel : m_parcels) {
            count(parcel);
            stores[parcel.object.new_sop] = parcel.status;
            if (parcel.was_before) {
                before.emplace_back(parcel.object.new_sop);
            }
            if (parcel.object.is_masked && parcel.state == Parcel::State::stored) {
                masked[parcel.object.new_series].push_back(parcel.object.file);
            }
        }
        keep_review_sheets(m_means.config.paths, masked, m_now);
        const auto& counts = m_outcome.counts;
        if (counts.in != counts.stored + counts.held + counts.skipped + counts.refused) {
            throw Error{Fault::internal,
                        "{} images of the study, but {} stored, {} held, {} skipped, {} refused",
                        counts.in,
                        counts.stored,
                        counts.held,
                        counts.skipped,
                        counts.refused};
        }
        if (counts.stored == 0) {
            m_outcome.mapped_uids.clear(); // nobody would find them
        }
        if (!m_outcome.receipt.empty()) {
            m_outcome.receipt["stores"] = std::move(stores);
            m_outcome.receipt["sent_before"] = std::move(before);
            m_outcome.receipt["decoded"] = std::move(m_decoded);
        }
        const bool left_out = counts.held + counts.refused > 0;
        const bool failed = m_outcome.send_error || (counts.stored == 0 && left_out);
        m_outcome.ending = failed ? Outcome::Ending::failed : Outcome::Ending::done;
        m_outcome.error = error_words();
    }

    void count(const Parcel& parcel)
    {
        const auto& object = parcel.object;
        auto& counts = m_outcome.counts;
        ++m_outcome.statuses[parcel.status];
        if (parcel.state != Parcel::State::stored) {
            counts.refused += object.is_added ? 0U : 1U;
            m_outcome.refused[{object.series_tag, "the research PACS: " + parcel.reason}].push_back(
                object.object_tag);
            m_outcome.send_error = true;
            m_first_refusal = m_first_refusal.empty() ? parcel.reason : m_first_refusal;
            return;
        }
        counts.stored += object.is_added ? 0U : 1U;
        counts.added += object.is_added ? 1U : 0U;
        counts.masked += object.is_masked ? 1U : 0U;
        counts.warnings += parcel.status.starts_with('B') ? 1U : 0U;
        counts.decoded += parcel.was_decoded ? 1U : 0U;
        counts.before += parcel.was_before && !object.is_added ? 1U : 0U;
        m_outcome.bytes += parcel.was_before ? 0U : object.bytes;
        if (auto modality = modality_of(object); !object.is_added && !modality.empty()) {
            m_outcome.modalities.insert(std::move(modality));
        }
    }

    /// One sentence for the operator; "" if there is nothing to say.
    [[nodiscard]] std::string error_words() const
    {
        const auto& counts = m_outcome.counts;
        if (m_outcome.verification == "leaked") {
            return "verification found identifying values and nothing was sent; mend the profile "
                   "(the reasons name the elements) and ask for the transfer again";
        }
        if (m_outcome.send_error) {
            return fmt::format("the research PACS has {} of {} images: {}; mend that there and ask "
                               "for the transfer again",
                               counts.stored, counts.in, m_first_refusal);
        }
        if (counts.held + counts.refused > 0) {
            return fmt::format("{} images are held and {} refused; {} of {} were sent; each reason "
                               "says what to do",
                               counts.held, counts.refused, counts.stored, counts.in);
        }
        return {};
    }

    const Means& m_means;
    const store::TransferRequest& m_request;
    Journal m_journal;
    TimePoint m_now;
    Outcome m_outcome;
    std::vector<Parcel> m_parcels;
    json::Object m_decoded; ///< SHA-256 of what was sent, by new SOP instance UID
    std::string m_first_refusal;
};

} // namespace

const redcap::ResearchProject* find_project(const std::vector<redcap::ResearchProject>& projects,
                                            const ProjectName& name)
{
    const auto found = std::ranges::find(projects, name, &redcap::ResearchProject::name);
    return found == projects.end() ? nullptr : &*found;
}

std::variant<Outcome, Postponed> carry_out(const Means& means,
                                           const store::TransferRequest& request, TimePoint now)
{
    if (!store::StudyTree{means.config.paths}.has_study(request.study)) {
        return failure(std::string{study_is_gone}, now);
    }
    const auto* const project = find_project(means.projects, request.project);
    if (project == nullptr) {
        return failure(
            fmt::format(
                "there is no project {} in DataTransferProjects; add it there, or correct the "
                "request, and ask for the transfer again",
                request.project),
            now);
    }
    return Journey{means, request, now, prepare(means.config, means.workspace, request, *project)}
        .go();
}

} // namespace fiona::transfer
