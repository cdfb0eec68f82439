// SPDX-License-Identifier: MIT
#include "libfiona/transfer/transfer.h"

#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/anonymize/receipt.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/transfer/burned_in.h"
#include "libfiona/transfer/journal.h"
#include "libfiona/transfer/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view study_is_gone =
    "the study is no longer on this machine; send it again from the clinical PACS";

constexpr std::string_view pixel_room = "pixels";
constexpr std::string_view mapping_room = "mapping";
constexpr std::size_t max_mapping_bytes = std::size_t{256} << 20U; // a million images
constexpr unsigned images_at_once = 2; // as many as the engine has threads

/// An image that is de-identified.
struct Leaving {
    Image image;
    fs::path source; ///< the image itself, or a copy without burned-in text
    bool is_searched = false;
    bool is_masked = false;
};

/// One request on its way; the members are what the steps hand on.
class Journey {
public:
    Journey(const Means& means, const store::TransferRequest& request, TimePoint now)
        : m_means{means}, m_request{request}, m_journal{means.config.paths, request, now}
    {
        m_outcome.started = now;
    }

    std::variant<Outcome, Postponed> go(const redcap::ResearchProject& project)
    {
        select(project);
        if (m_outcome.counts.in == 0) {
            return failure(std::string{study_is_gone}, m_outcome.started);
        }
        if (!m_leaving.empty()) {
            const auto report = deidentified(project);
            m_means.workspace.remove(pixel_room);
            if (report.count(anonymize::Verdict::leaked) > 0 || keeps_a_uid(report)) {
                hold_all(report);
            } else if (auto postponed = sent(report)) {
                return *std::move(postponed);
            }
        }
        conclude();
        return std::move(m_outcome);
    }

private:
    void select(const redcap::ResearchProject& project)
    {
        const store::StudyTree tree{m_means.config.paths};
        m_outcome.seen = tree.newest_change(m_request.study); // before the first look at an image
        std::vector<Image> doubtful;
        for (auto& image : select_images(tree, m_request.study, project)) {
            ++m_outcome.counts.in;
            switch (image.fate) {
            case Fate::send: {
                auto source = image.file;
                m_leaving.push_back({std::move(image), std::move(source)});
                break;
            }
            case Fate::clean: doubtful.push_back(std::move(image)); break;
            case Fate::hold: hold(image, image.reason); break;
            case Fate::skip:
                ++m_outcome.counts.skipped;
                note(m_outcome.skipped, image, image.reason);
                break;
            case Fate::refuse: refuse(image, image.reason); break;
            }
        }
        clean(std::move(doubtful));
    }

    /// Before the headers: what is known of the patient there tells text that identifies.
    void clean(std::vector<Image> images)
    {
        if (images.empty()) {
            return;
        }
        std::uint64_t bytes = 0;
        for (const auto& image : images) {
            bytes += std::max(image.bytes, image.decoded_bytes);
        }
        PixelTally tally;
        const auto directory = m_means.workspace.make_room(pixel_room, bytes);
        for (auto& searched :
             search_pixels(std::move(images), directory, m_means.config.paths, images_at_once)) {
            tally.add(searched);
            switch (searched.report.verdict) {
            case pixel::Verdict::unchanged:
            case pixel::Verdict::masked:
                m_leaving.push_back({std::move(searched.image), std::move(searched.copy), true,
                                     searched.report.verdict == pixel::Verdict::masked});
                break;
            case pixel::Verdict::held: hold(searched.image, reason_of(searched.report)); break;
            case pixel::Verdict::refused: refuse(searched.image, reason_of(searched.report)); break;
            }
        }
        m_outcome.pixels = tally.to_json();
    }

    static void note(LeftOutImages& left_out, const Image& image, const std::string& reason)
    {
        left_out[{log::uid_tag(image.series.str()), reason}].push_back(log::uid_tag(
            image.file.filename().native())); // a link is named by its SOP instance UID
    }

    void hold(const Image& image, const std::string& reason)
    {
        ++m_outcome.counts.held;
        note(m_outcome.held, image, reason);
        m_outcome.deidentify_error = true;
    }

    void refuse(const Image& image, const std::string& reason)
    {
        ++m_outcome.counts.refused;
        note(m_outcome.refused, image, reason);
        m_outcome.deidentify_error = true;
    }

    void refuse_by_pacs(const Image& image, const std::string& reason)
    {
        ++m_outcome.counts.refused;
        note(m_outcome.refused, image, "the research PACS: " + reason);
        m_outcome.send_error = true;
    }

    [[nodiscard]] anonymize::Report deidentified(const redcap::ResearchProject& project)
    {
        std::vector<fs::path> inputs;
        std::set<fs::path> searched;
        std::uint64_t bytes = 0;
        for (const auto& leaving : m_leaving) {
            inputs.push_back(leaving.source);
            bytes += size_of(leaving);
            if (leaving.is_searched) {
                searched.insert(leaving.source);
            }
        }
        auto settings = anonymize::project_settings(m_means.config, m_request.project,
                                                    m_request.participant, m_request.event);
        if (!project.import_rule_tag.empty()) {
            settings.tag_changes.push_back(
                {project.import_rule_tag, project.import_rule_regexp, true});
        }
        settings.clean_pixels = std::move(searched);
        settings.digests = true;
        settings.mapping_file = m_means.workspace.make_room(mapping_room, 0) / "mapping.json";
        const auto directory = m_means.workspace.make_room("study", bytes);
        auto report = anonymize::anonymize_files(inputs, directory, settings);
        if (report.files.size() != m_leaving.size()) {
            throw Error{Fault::internal, "{} images went into de-identification, {} came out",
                        m_leaving.size(), report.files.size()};
        }
        m_outcome.receipt = anonymize::receipt_body(report, settings);
        keep_mapping(*settings.mapping_file);
        return report;
    }

    /// Before the first image leaves: what comes back finds its way home only by it.
    void keep_mapping(const fs::path& file) const
    {
        const anonymize::KeptMappings kept{m_means.config.paths.keys()};
        kept.keep(m_request.project, read_file(file, max_mapping_bytes));
        m_means.workspace.remove(mapping_room);
    }

    static std::uint64_t size_of(const Leaving& leaving)
    {
        std::error_code problem;
        const auto bytes = fs::file_size(leaving.source, problem);
        return problem ? leaving.image.bytes : bytes; // what is gone the engine refuses
    }

    /// The engine verifies by the profile, which people may write; an original UID at the PACS
    /// would link the two worlds, whatever a profile says.
    [[nodiscard]] bool keeps_a_uid(const anonymize::Report& report) const
    {
        for (std::size_t i = 0; i < m_leaving.size(); ++i) {
            const auto& file = report.files[i];
            if (file.verdict == anonymize::Verdict::written
                && (file.new_study == m_request.study.str()
                    || file.new_series == m_leaving[i].image.series.str()
                    || file.new_sop == m_leaving[i].image.file.filename().native())) {
                return true;
            }
        }
        return false;
    }

    void hold_all(const anonymize::Report& report)
    {
        m_outcome.verification = "leaked";
        m_outcome.deidentification = report.summary;
        for (std::size_t i = 0; i < m_leaving.size(); ++i) {
            const auto& file = report.files[i];
            if (file.verdict == anonymize::Verdict::written) {
                hold(m_leaving[i].image, "the study failed verification");
            } else {
                refuse(m_leaving[i].image, log::without_uids(file.reason));
            }
        }
    }

    /// Sends what the PACS has not yet, and counts. Something if it has to be tried again.
    std::optional<Postponed> sent(const anonymize::Report& report)
    {
        m_outcome.verification = "clean";
        m_outcome.deidentification = report.summary;
        m_outcome.mapped_uids = report.new_studies;
        std::vector<fs::path> files;
        std::vector<std::size_t> origins; // of each of `files` in the report
        for (std::size_t i = 0; i < report.files.size(); ++i) {
            const auto& file = report.files[i];
            if (file.verdict != anonymize::Verdict::written) {
                refuse(m_leaving[i].image, log::without_uids(file.reason));
            } else if (m_journal.is_stored(file.new_series, file.new_sop)) {
                count_stored(i, file);
                answered(file, "stored before");
            } else {
                files.push_back(file.output);
                origins.push_back(i);
            }
        }
        if (files.empty()) {
            return std::nullopt;
        }
        std::map<fs::path, const anonymize::FileReport*> report_of;
        for (const auto& file : report.files) {
            report_of.emplace(file.output, &file);
        }
        const auto results =
            pacs::send_files(m_means.peer, files, [&](const pacs::SendResult& result) {
                if (is_stored(result)) {
                    const auto& file = *report_of.at(result.file);
                    m_journal.note_stored(file.new_series, file.new_sop);
                }
            });
        return weighed(results, origins, report);
    }

    std::optional<Postponed> weighed(const std::vector<pacs::SendResult>& results,
                                     const std::vector<std::size_t>& origins,
                                     const anonymize::Report& report)
    {
        if (results.size() != origins.size()) {
            throw Error{Fault::internal, "{} images were sent, {} were answered", origins.size(),
                        results.size()};
        }
        const auto first = std::ranges::find_if(results, pacs::may_succeed_later);
        if (first != results.end()) {
            m_journal.note_failure();
            if (m_journal.failures() < max_failures) {
                const auto missing = std::ranges::count_if(results, pacs::may_succeed_later);
                return Postponed{fmt::format("the research PACS has not taken {} of {} images: {}",
                                             missing, results.size(), first->reason)};
            }
        }
        for (std::size_t i = 0; i < results.size(); ++i) {
            const auto& result = results[i];
            const auto& file = report.files[origins[i]];
            answered(file, result.outcome == pacs::SendOutcome::unsent
                               ? "unsent"
                               : fmt::format("{:04X}", result.status));
            if (is_stored(result)) {
                count_stored(origins[i], file);
                m_outcome.counts.warnings += result.outcome == pacs::SendOutcome::warning ? 1U : 0U;
            } else {
                refuse_by_pacs(m_leaving[origins[i]].image, result.reason);
            }
        }
        return std::nullopt;
    }

    /// What became of the C-STORE of one image: counted, and on the receipt.
    void answered(const anonymize::FileReport& file, const std::string& status)
    {
        ++m_outcome.statuses[status];
        m_stores[file.new_sop] = status;
    }

    void count_stored(std::size_t index, const anonymize::FileReport& file)
    {
        ++m_outcome.counts.stored;
        m_outcome.counts.masked += m_leaving[index].is_masked ? 1U : 0U;
        m_outcome.bytes += file.bytes;
    }

    static bool is_stored(const pacs::SendResult& result)
    {
        return result.outcome == pacs::SendOutcome::stored
               || result.outcome == pacs::SendOutcome::warning;
    }

    void conclude()
    {
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
            m_outcome.receipt["stores"] = std::move(m_stores);
        }
        const bool left_out = counts.held + counts.refused > 0;
        const bool failed = m_outcome.send_error || (counts.stored == 0 && left_out);
        m_outcome.ending = failed ? Outcome::Ending::failed : Outcome::Ending::done;
        if (m_outcome.verification == "leaked") {
            m_outcome.error = "verification found identifying values; nothing was sent";
        } else if (m_outcome.send_error) {
            m_outcome.error =
                fmt::format("the research PACS has {} of {} images", counts.stored, counts.in);
        } else if (left_out) {
            m_outcome.error = fmt::format("{} images are held and {} refused; {} of {} were sent",
                                          counts.held, counts.refused, counts.stored, counts.in);
        }
    }

    const Means& m_means;
    const store::TransferRequest& m_request;
    Journal m_journal;
    Outcome m_outcome;
    json::Object m_stores; ///< status by new SOP instance UID
    std::vector<Leaving> m_leaving;
};

} // namespace

pacs::Peer research_pacs(const Config& config)
{
    const auto& pacs = config.research_pacs;
    if (pacs.host.empty() || pacs.port == 0) {
        throw Error{Fault::config, "{}: RESEARCH_PACS needs a host and a port",
                    config.file.native()};
    }
    return {.host = pacs.host,
            .port = pacs.port,
            .called_aet = pacs.aet,
            .calling_aet = pacs.calling_aet,
            .timeout = pacs.timeout};
}

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
            fmt::format("there is no project {} in DataTransferProjects", request.project), now);
    }
    return Journey{means, request, now}.go(*project);
}

} // namespace fiona::transfer
