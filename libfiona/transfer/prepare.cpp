// SPDX-License-Identifier: MIT
#include "libfiona/transfer/prepare.h"

#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/anonymize/receipt.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/transfer/burned_in.h"
#include "libfiona/transfer/no_image.h"
#include "libfiona/transfer/prepare_key.h"
#include "libfiona/transfer/prepared_study.h"
#include "libfiona/transfer/selection.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view pixel_room = "pixels";
constexpr std::string_view mapping_room = "mapping";
constexpr std::size_t max_mapping_bytes = std::size_t{256} << 20U; // a million images
constexpr unsigned images_at_once = 2; // as many as the engine has threads

/// An image on its way through the steps.
struct Leaving {
    Image image;
    fs::path source; ///< the image itself, or a copy without burned-in text
    bool is_searched = false;
    bool is_masked = false;
};

class Preparer {
public:
    Preparer(const Config& config, const Workspace& workspace,
             const store::TransferRequest& request, const redcap::ResearchProject& project)
        : m_config{config}, m_workspace{workspace}, m_request{request}, m_project{project},
          m_study{config.paths, request}
    {
    }

    Preparation go()
    {
        const store::StudyTree tree{m_config.paths};
        const auto seen = tree.newest_change(m_request.study); // before the first look at an image
        auto images =
            select_images(tree, m_request.study, m_project, m_config.deidentify.no_image_classes);
        const bool has_work = std::ranges::any_of(images, [](const Image& image) {
            return image.fate == Fate::send || image.fate == Fate::clean;
        });
        if (has_work) {
            const auto settings = project_settings();
            const auto key = preparation_key(m_config, m_request, images, settings);
            if (auto kept = m_study.load(key)) {
                kept->outcome.seen = seen;
                log::info("prepared_study_used",
                          {{"study", m_request.study}, {"objects", kept->objects.size()}});
                return *std::move(kept);
            }
            make(std::move(images), settings);
            if (!m_result.objects.empty()) {
                m_study.keep(key, m_result);
            }
        } else {
            sort_out(std::move(images));
        }
        m_result.outcome.seen = seen;
        return std::move(m_result);
    }

private:
    [[nodiscard]] anonymize::Settings project_settings() const
    {
        auto settings = anonymize::project_settings(m_config, m_request.project,
                                                    m_request.participant, m_request.event);
        if (!m_project.import_rule_tag.empty()) {
            settings.tag_changes.push_back(
                {m_project.import_rule_tag, m_project.import_rule_regexp, true});
        }
        settings.digests = true;
        return settings;
    }

    void make(std::vector<Image> images, const anonymize::Settings& settings)
    {
        clean(sort_out(std::move(images)));
        if (m_leaving.empty()) {
            return;
        }
        const auto report = deidentified(settings);
        m_workspace.remove(pixel_room);
        if (report.count(anonymize::Verdict::leaked) > 0 || keeps_a_uid(report)) {
            hold_all(report);
            m_study.remove();
        } else {
            list_objects(report, settings);
        }
    }

    /// Every image to its fate; returns those whose pixels have to be searched.
    std::vector<Image> sort_out(std::vector<Image> images)
    {
        std::vector<Image> doubtful;
        for (auto& image : images) {
            ++outcome().counts.in;
            switch (image.fate) {
            case Fate::send: {
                auto source = image.file;
                m_leaving.push_back({std::move(image), std::move(source)});
                break;
            }
            case Fate::clean: doubtful.push_back(std::move(image)); break;
            case Fate::hold: hold(image, image.reason); break;
            case Fate::skip:
                ++outcome().counts.skipped;
                note(outcome().skipped, image, image.reason);
                break;
            case Fate::refuse: refuse(image, image.reason); break;
            }
        }
        return doubtful;
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
        const auto directory = m_workspace.make_room(pixel_room, bytes);
        for (auto& searched :
             search_pixels(std::move(images), directory, m_config.paths, images_at_once)) {
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
        outcome().pixels = tally.to_json();
    }

    [[nodiscard]] anonymize::Report deidentified(anonymize::Settings settings)
    {
        std::vector<fs::path> inputs;
        std::uint64_t bytes = 0;
        for (const auto& leaving : m_leaving) {
            inputs.push_back(leaving.source);
            bytes += size_of(leaving);
            if (leaving.is_searched) {
                settings.clean_pixels.insert(leaving.source);
            }
        }
        settings.mapping_file = m_workspace.make_room(mapping_room, 0) / "mapping.json";
        m_directory = m_study.make_room(bytes);
        auto report = anonymize::anonymize_files(inputs, m_directory, settings);
        if (report.files.size() != m_leaving.size()) {
            throw Error{Fault::internal, "{} images went into de-identification, {} came out",
                        m_leaving.size(), report.files.size()};
        }
        outcome().deidentification = report.summary;
        outcome().receipt = anonymize::receipt_body(report, settings);
        keep_mapping(*settings.mapping_file);
        return report;
    }

    /// Before the first image leaves: what comes back finds its way home only by it.
    void keep_mapping(const fs::path& file) const
    {
        const anonymize::KeptMappings kept{m_config.paths.keys()};
        kept.keep(m_request.project, read_file(file, max_mapping_bytes));
        m_workspace.remove(mapping_room);
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
        outcome().verification = "leaked";
        for (std::size_t i = 0; i < m_leaving.size(); ++i) {
            const auto& file = report.files[i];
            if (file.verdict == anonymize::Verdict::written) {
                hold(m_leaving[i].image, "the study failed verification");
            } else {
                refuse(m_leaving[i].image, log::without_uids(file.reason));
            }
        }
    }

    void list_objects(const anonymize::Report& report, const anonymize::Settings& settings)
    {
        outcome().verification = "clean";
        outcome().mapped_uids = report.new_studies;
        for (std::size_t i = 0; i < m_leaving.size(); ++i) {
            const auto& [image, source, is_searched, is_masked] = m_leaving[i];
            const auto& file = report.files[i];
            if (file.verdict != anonymize::Verdict::written) {
                refuse(image, log::without_uids(file.reason));
                continue;
            }
            m_result.objects.push_back({.file = file.output,
                                        .series_tag = log::uid_tag(image.series.str()),
                                        .object_tag = object_tag(image),
                                        .new_series = file.new_series,
                                        .new_sop = file.new_sop,
                                        .sop_class = dicom::prescan_file(file.output).sop_class,
                                        .sha256 = file.output_sha256,
                                        .bytes = file.bytes,
                                        .is_masked = is_masked});
        }
        add_pictures(report, settings);
    }

    /// One for each series of which viewers show nothing, if something of it leaves.
    void add_pictures(const anonymize::Report& report, const anonymize::Settings& settings)
    {
        std::map<std::string, NoImageSeries> dark;
        std::set<std::string> bright;
        for (std::size_t i = 0; i < m_leaving.size(); ++i) {
            const auto& image = m_leaving[i].image;
            const auto& file = report.files[i];
            if (!image.is_no_image) {
                bright.insert(image.series.str());
            } else if (file.verdict == anonymize::Verdict::written) {
                auto& series = dark[image.series.str()];
                series.sample = file.output;
                series.bytes += file.bytes;
                ++series.objects;
            }
        }
        for (const auto& [uid, series] : dark) {
            if (bright.contains(uid)) {
                continue;
            }
            auto object = write_no_image_picture(SeriesUid{uid}, series, settings);
            auto& objects = outcome().receipt["objects"];
            objects.array().push_back(json::Object{{"verdict", "clean"},
                                                   {"made_here", true},
                                                   {"output_sha256", object.sha256},
                                                   {"sop_instance", object.new_sop},
                                                   {"series", object.new_series},
                                                   {"bytes", object.bytes}});
            m_result.objects.push_back(std::move(object));
        }
    }

    static std::string object_tag(const Image& image)
    {
        return log::uid_tag(image.file.filename().native()); // a link is named by its SOP instance
    }

    static void note(LeftOutImages& left_out, const Image& image, const std::string& reason)
    {
        left_out[{log::uid_tag(image.series.str()), reason}].push_back(object_tag(image));
    }

    void hold(const Image& image, const std::string& reason)
    {
        ++outcome().counts.held;
        note(outcome().held, image, reason);
        outcome().deidentify_error = true;
    }

    void refuse(const Image& image, const std::string& reason)
    {
        ++outcome().counts.refused;
        note(outcome().refused, image, reason);
        outcome().deidentify_error = true;
    }

    Outcome& outcome() { return m_result.outcome; }

    const Config& m_config;
    const Workspace& m_workspace;
    const store::TransferRequest& m_request;
    const redcap::ResearchProject& m_project;
    PreparedStudy m_study;
    fs::path m_directory;
    std::vector<Leaving> m_leaving;
    Preparation m_result;
};

} // namespace

Preparation prepare(const Config& config, const Workspace& workspace,
                    const store::TransferRequest& request, const redcap::ResearchProject& project)
{
    return Preparer{config, workspace, request, project}.go();
}

} // namespace fiona::transfer
