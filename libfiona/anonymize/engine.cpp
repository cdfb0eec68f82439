// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/engine.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/documents.h"
#include "libfiona/anonymize/facts.h"
#include "libfiona/anonymize/inputs.h"
#include "libfiona/anonymize/output_file.h"
#include "libfiona/anonymize/pixel_copy.h"
#include "libfiona/anonymize/policy.h"
#include "libfiona/anonymize/run_summary.h"
#include "libfiona/anonymize/verifier.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/workers.h"
#include "libfiona/dicom/library.h"
#include "libfiona/dicom/prescan.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

/// One input between the passes.
struct Candidate {
    Layout layout;
    std::string sop_instance;           ///< original
    std::optional<std::size_t> same_as; ///< an earlier input with the same bytes
};

struct Totals {
    std::array<std::uint64_t, action_count> actions{};
    std::map<std::tuple<std::string, std::string, std::string>, PlannedChange> plan;
};

/// Letters, digits and underscores only: the name of a file holds nothing else of a stranger's text.
std::string file_name_part(std::string_view modality)
{
    std::string part;
    std::ranges::copy_if(modality, std::back_inserter(part), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    return part.substr(0, 16);
}

class Run {
public:
    Run(const std::vector<fs::path>& inputs, fs::path output, const Settings& settings, Mode mode)
        : m_inputs{inputs}, m_output{std::move(output)}, m_settings{settings}, m_mode{mode},
          m_key{read_key(settings)}, m_profile{Profile::load(
                                         settings.profiles, settings.safe_private,
                                         settings.tag_changes, settings.private_lists)},
          m_dates{settings.date_shift, settings.project, settings.participant, m_key},
          m_uids{settings.scheme, settings.project.str(), m_key}, m_candidates(inputs.size())
    {
        m_report.files.resize(inputs.size());
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            m_report.files[i].input = inputs[i];
            m_report.files[i].number = i + 1;
        }
    }

    Report run()
    {
        prepare_output();
        Facts facts = collect();
        judge_equal_instances();
        const auto plan = make_plan(facts, m_settings, m_profile, m_dates, m_uids);
        write_all_files(plan);
        check_set();
        if (m_settings.mapping_file && m_mode == Mode::apply) {
            write_mapping(*m_settings.mapping_file, m_uids, m_report);
        }
        summarise(m_report, m_totals.actions, m_settings, m_profile);
        return std::move(m_report);
    }

private:
    void prepare_output() const
    {
        std::error_code problem;
        if (fs::exists(m_output, problem)
            && (!fs::is_directory(m_output, problem) || !fs::is_empty(m_output, problem))) {
            throw Error{Fault::usage, "{}: the output must be an empty or a new directory",
                        m_output.native()};
        }
        if (m_mode == Mode::apply) {
            make_directories(m_output);
        }
    }

    /// The error with the input's number in the place of its path, which may hold a name.
    [[nodiscard]] Error neutral(std::size_t index, const Error& error) const
    {
        const auto number = fmt::format("input file {}", index + 1);
        std::string text = error.what();
        const auto& input = m_inputs[index];
        for (const auto& name : {input.native(), input.filename().native()}) {
            for (auto at = text.find(name); at != std::string::npos && !name.empty();
                 at = text.find(name, at + number.size())) {
                text.replace(at, name.size(), number);
            }
        }
        return Error{error.fault(), "{}", text};
    }

    void refuse(std::size_t index, std::string_view reason)
    {
        m_report.files[index].verdict = Verdict::refused;
        m_report.files[index].reason = reason;
    }

    /// Pass one: every header, into one collection of facts per thread.
    Facts collect()
    {
        std::vector<Facts> parts(m_settings.threads == 0 ? 1 : m_settings.threads);
        for_each_index(
            m_inputs.size(), m_settings.threads, [&](std::size_t index, std::size_t thread) {
                try {
                    auto& candidate = m_candidates[index];
                    const auto layout = examine(m_inputs[index]);
                    const SourceFile source{m_inputs[index], layout};
                    const auto parsed = read_data_set(source.header(), layout.encoding);
                    std::string reason{
                        refusal(parsed.root, layout.transfer_syntax, m_settings.documents)};
                    if (reason.empty()) {
                        reason = refusal_of_output(parsed.root, m_settings);
                    }
                    if (reason.empty()) {
                        reason = refusal_of_pixels(source, layout, parsed);
                    }
                    if (!reason.empty()) {
                        // Its identifiers count all the same: the other files may repeat them.
                        parts[thread].add(parsed.root, m_profile);
                        refuse(index, reason);
                        return;
                    }
                    parts[thread].add(parsed.root, m_profile);
                    candidate.sop_instance = trimmed(parsed.root.find({0x0008, 0x0018})->stored);
                    candidate.layout = layout;
                } catch (const Error& error) {
                    if (error.fault() != Fault::data && error.fault() != Fault::missing
                        && error.fault() != Fault::permission) {
                        throw neutral(index, error);
                    }
                    refuse(index, neutral(index, error).what());
                }
            });
        Facts all;
        for (auto& part : parts) {
            all.merge(std::move(part));
        }
        for (const auto& file : m_settings.extra_identity) {
            all.add(json::parse(read_file(file), file.native()));
        }
        return all;
    }

    [[nodiscard]] bool is_open(std::size_t index) const
    {
        return m_report.files[index].reason.empty();
    }

    /// Two inputs with one SOP instance UID: the same file twice is written once; of two different
    /// files nobody can say which is right, so the later one is set aside.
    void judge_equal_instances()
    {
        std::unordered_map<std::string, std::size_t> first_of;
        for (std::size_t i = 0; i < m_inputs.size(); ++i) {
            if (!is_open(i)) {
                continue;
            }
            const auto [at, is_first] = first_of.try_emplace(m_candidates[i].sop_instance, i);
            if (is_first) {
                continue;
            }
            if (have_equal_bytes(m_inputs[at->second], m_inputs[i])) {
                m_candidates[i].same_as = at->second;
            } else {
                refuse(i, "another file with different content has the same SOP instance UID");
            }
        }
    }

    void write_all_files(const Plan& plan)
    {
        std::vector<Totals> parts(m_settings.threads == 0 ? 1 : m_settings.threads);
        for_each_index(m_inputs.size(), m_settings.threads,
                       [&](std::size_t index, std::size_t thread) {
                           if (!is_open(index) || m_candidates[index].same_as) {
                               return;
                           }
                           try {
                               write_one(index, plan, parts[thread]);
                           } catch (const Error& error) {
                               if (error.fault() != Fault::data) {
                                   throw neutral(index, error);
                               }
                               refuse(index, neutral(index, error).what());
                           }
                       });
        for (std::size_t i = 0; i < m_inputs.size(); ++i) {
            if (is_open(i) && m_candidates[i].same_as) {
                m_report.files[i] = m_report.files[*m_candidates[i].same_as];
                m_report.files[i].input = m_inputs[i];
                m_report.files[i].number = i + 1;
            }
        }
        for (const auto& part : parts) {
            add_counts(m_totals, part.actions);
            for (const auto& [key, change] : part.plan) {
                add_change(m_totals, change);
            }
        }
        for (auto& [key, change] : m_totals.plan) {
            m_report.plan.push_back(change);
        }
    }

    static void add_counts(Totals& totals, const std::array<std::uint64_t, action_count>& counts)
    {
        for (std::size_t i = 0; i < counts.size(); ++i) {
            totals.actions.at(i) += counts.at(i);
        }
    }

    static void add_change(Totals& totals, const PlannedChange& change)
    {
        auto& known = totals.plan[{change.path, change.action, change.reason}];
        const auto files = known.files + change.files;
        const auto values = std::max(known.max_values, change.max_values);
        const auto bytes = std::max(known.max_bytes, change.max_bytes);
        known = change;
        known.files = files;
        known.max_values = values;
        known.max_bytes = bytes;
    }

    [[nodiscard]] fs::path target_of(const Rewritten& identity) const
    {
        const auto directory = m_settings.by_series ? m_output / identity.new_series : m_output;
        const auto modality = file_name_part(identity.modality);
        return directory
               / fmt::format("{}{}{}.dcm", modality, modality.empty() ? "" : ".", identity.new_sop);
    }

    void write_one(std::size_t index, const Plan& plan, Totals& totals)
    {
        auto& report = m_report.files[index];
        const auto& layout = m_candidates[index].layout;
        const SourceFile source{m_inputs[index], layout};
        if (m_settings.documents == Documents::if_clean) {
            const auto parsed = read_data_set(source.header(), layout.encoding);
            if (const auto finding = finding_in_document(parsed.root, plan); !finding.empty()) {
                refuse(index, finding);
                return;
            }
        }
        std::set<std::string> blanked;
        for (int attempt = 0;; ++attempt) {
            auto parsed = read_data_set(source.header(), layout.encoding);
            const SourcePixels pixels{source, layout, parsed.end,
                                      pixel_shape(parsed.root, layout.encoding)};
            Rewriter::Watch watch;
            if (m_mode == Mode::dry_run) {
                require_walkable(pixels);
                watch = [&](const Change& change) {
                    add_change(totals, {change.path, change.vr, std::string{name_of(change.action)},
                                        std::string{change.reason}, 1, change.count, change.bytes});
                };
            }
            Rewriter rewriter{plan, watch};
            rewriter.blank(blanked);
            rewriter.declare(
                offset_tables(parsed.root, source.stored(), source.pixel_element(parsed.end)));
            if (m_settings.clean_pixels.contains(m_inputs[index])) {
                rewriter.declare(Pixels::clean);
            }
            const auto identity = rewriter.rewrite(parsed.root);
            report.new_study = identity.new_study;
            report.new_series = identity.new_series;
            report.new_sop = identity.new_sop;
            const bool last = m_mode == Mode::dry_run
                              || write_and_verify({index, plan, pixels, parsed, identity}, blanked);
            if (last) {
                add_counts(totals, identity.actions);
                if (m_mode == Mode::dry_run) {
                    report.verdict = Verdict::written;
                }
                return;
            }
            constexpr int most_attempts = 4;
            if (attempt == most_attempts) {
                report.verdict = Verdict::leaked;
                report.reason = "identifying values remain after scrubbing";
                return;
            }
        }
    }

    struct Task {
        std::size_t index;
        const Plan& plan;
        const SourcePixels& pixels;
        const Parsed& parsed;
        const Rewritten& identity;
    };

    /// False: something was found that may be blanked; try again with the longer list.
    bool write_and_verify(const Task& task, std::set<std::string>& blanked)
    {
        auto& report = m_report.files[task.index];
        const auto& layout = m_candidates[task.index].layout;
        const auto target = target_of(task.identity);
        make_directories(target.parent_path());
        const auto header = write_data_set(task.parsed.root, layout.encoding);
        const std::string_view syntax =
            layout.is_deflated ? std::string_view{"1.2.840.10008.1.2.1"} : layout.transfer_syntax;
        OutputFile file{target};
        const auto sizes = file.write(task.identity, syntax, header,
                                      [&](int fd) { return write_clean_pixels(task.pixels, fd); });
        if (m_settings.verify) {
            const auto findings = examine_output(file, sizes, task);
            if (!findings.empty()) {
                const auto before = blanked.size();
                for (const auto& finding : findings) {
                    if (finding.can_be_blanked && m_settings.scrub_leaks) {
                        blanked.insert(finding.path);
                    }
                }
                if (blanked.size() > before) {
                    return false;
                }
                report.verdict = Verdict::leaked;
                report.reason =
                    fmt::format("{} in {}", findings.front().what, findings.front().path);
                return true;
            }
        }
        file.publish();
        report.output = target;
        report.verdict = Verdict::written;
        report.bytes = sizes.all;
        if (m_settings.digests) {
            report.input_sha256 = sha256_of_file(m_inputs[task.index]);
            report.output_sha256 = sha256_of_file(target);
        }
        return true;
    }

    /// The structure by the pre-scan, which shares no code with what wrote the file; then the values.
    std::vector<Finding> examine_output(const OutputFile& file, const OutputFile::Sizes& sizes,
                                        const Task& task) const
    {
        const auto& layout = m_candidates[task.index].layout;
        try {
            const auto scan = dicom::prescan_file(file.part());
            const auto pixels = scan.pixel_data_offset.value_or(scan.file_bytes);
            if (scan.file_bytes != sizes.all || pixels != sizes.header
                || scan.data_set_offset != sizes.data_set_offset) {
                return {{"file", "a structure that was not meant", false}};
            }
            auto tables = OffsetTables::none_or_bad;
            if (scan.pixel_data_offset) {
                tables = offset_tables(
                    task.parsed.root, file.fd(),
                    dicom::read_pixel_element(file.fd(), pixels, coding_of(layout.encoding)));
                auto rest = remains_beside_picture(file.fd(), pixels, layout, task.pixels.shape);
                if (!rest.empty()) {
                    return {{"7FE0,0010", std::move(rest), false}};
                }
            }
            const auto bytes = file.read_back(sizes.header);
            return verify({bytes, sizes.data_set_offset, layout.encoding, tables}, task.plan);
        } catch (const Error& error) {
            if (error.fault() != Fault::data) {
                throw;
            }
            return {{"file", fmt::format("it does not read back ({})", error.what()), false}};
        }
    }

    /// No output may have taken the place of another.
    void check_set()
    {
        std::unordered_map<std::string, std::size_t> seen;
        for (std::size_t i = 0; i < m_report.files.size(); ++i) {
            const auto& file = m_report.files[i];
            if (file.verdict != Verdict::written || m_candidates[i].same_as) {
                continue;
            }
            if (!seen.try_emplace(file.new_sop, i).second) {
                throw Error{Fault::internal, "two different inputs became one instance"};
            }
        }
    }

    const std::vector<fs::path>& m_inputs;
    fs::path m_output;
    const Settings& m_settings;
    Mode m_mode;
    std::vector<std::byte> m_key;
    Profile m_profile;
    DateMover m_dates;
    UidMap m_uids;
    std::vector<Candidate> m_candidates;
    Totals m_totals;
    Report m_report;
};

} // namespace

std::size_t Report::count(Verdict verdict) const
{
    return static_cast<std::size_t>(std::ranges::count(files, verdict, &FileReport::verdict));
}

Report anonymize_files(const std::vector<fs::path>& inputs, const fs::path& output,
                       const Settings& settings, Mode mode)
{
    const dicom::Library library;
    static_cast<void>(Attributes::standard()); // before any thread
    return Run{inputs, output, settings, mode}.run();
}

} // namespace fiona::anonymize
