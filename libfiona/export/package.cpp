// SPDX-License-Identifier: MIT
#include "libfiona/export/package.h"

#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/export/nifti.h"
#include "libfiona/export/plan.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_name_bytes = 180; // of 255: what is put behind it needs 60

std::string value_in(const Fields& fields, std::string_view name)
{
    const auto found = fields.find(name);
    return found == fields.end() || found->second.empty() ? "unknown" : found->second;
}

/// fiona.txt, for whoever opens the package: values as they are in the images.
std::string readme(const PackageOrder& order, const Fields& fields)
{
    return fmt::format("Exported by FIONA from the research PACS.\n\n"
                       "Export date: {}\nProject: {}\nExport type: {}\n"
                       "PatientID: {}\nImaging event: {}\nBirth date: {}\nAge: {}\n"
                       "Scan date: {}\n\n"
                       "Please review the de-identified tags before you share these files.\n",
                       iso8601_utc(order.now).substr(0, 10), order.facts.project, order.type.name,
                       value_in(fields, "PatientID"), value_in(fields, "Event"),
                       value_in(fields, "PatientBirthDate"), value_in(fields, "PatientAge"),
                       value_in(fields, "StudyDate"));
}

constexpr const char* warning =
    "This package holds no images: the study has none of the kind that this export type takes.\n";

class Packer {
public:
    Packer(const PackageOrder& order, zip::Output& output)
        : m_order{order}, m_writer{output, settings_of(order)}
    {
    }

    zip::Totals go()
    {
        const auto images =
            plan_images(m_order.images, m_order.type, m_order.facts, m_order.settings.threads);
        const auto first = images.empty()
                               ? Fields{}
                               : Image{images.front().file, m_order.type, m_order.facts}.fields();
        using Images = ExportType::Images;
        switch (m_order.type.images) {
        case Images::dicom: add_images(images); break;
        case Images::nifti: add_files(make_nifti(images, m_order)); break;
        case Images::bids: add_files(make_bids(images, m_order)); break;
        }
        if (m_order.type.has_readme) {
            const bool is_bids = m_order.type.images == Images::bids;
            add_text(is_bids ? "README" : "fiona.txt", readme(m_order, first));
        }
        if (images.empty()) {
            add_text("warning.txt", warning);
        }
        return m_writer.finish();
    }

private:
    static zip::Settings settings_of(const PackageOrder& order)
    {
        zip::Settings settings{.compression = order.settings.compression,
                               .threads = order.settings.threads};
        if (!order.password.reveal().empty()) {
            settings.password = order.password;
        }
        return settings;
    }

    void add_images(const std::vector<PlannedImage>& images)
    {
        for (const auto& image : images) {
            m_writer.add([this, file = image.file, layout = image.layout, name = image.name] {
                return Image{file, layout, m_order.type, m_order.facts}.content(name);
            });
            m_order.on_entry(++m_done, images.size());
        }
    }

    void add_files(const std::vector<MadeFile>& files)
    {
        for (const auto& made : files) {
            m_writer.add([made] {
                return zip::Content{.name = made.name,
                                    .file = made.file,
                                    .offset = 0,
                                    .count = fs::file_size(made.file)};
            });
            m_order.on_entry(++m_done, files.size());
        }
    }

    void add_text(const std::string& name, const std::string& text)
    {
        m_writer.add([=] { return zip::Content{.name = name, .head = text}; });
    }

    const PackageOrder& m_order;
    zip::Writer m_writer;
    std::size_t m_done = 0;
};

} // namespace

fs::path package_file(const ExportSettings& settings, const ExportJob& job,
                      const std::string& event)
{
    const std::array parts{safe_part(job.project),
                           safe_part(job.participant),
                           event.empty() ? std::string{} : safe_part(event),
                           safe_file(job.study.str()),
                           job.accession.reveal().empty() ? std::string{}
                                                          : safe_part(job.accession.reveal()),
                           safe_part(job.type.empty() ? "plain" : job.type)};
    auto name = fmt::format("{}", fmt::join(parts, "_"));
    if (name.size() > max_name_bytes) { // the id keeps it apart from others with this beginning
        auto end = max_name_bytes - job.id.size() - 1;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U) {
            --end; // not inside a letter
        }
        name = fmt::format("{}_{}", name.substr(0, end), job.id);
    }
    if (job.is_mailed()) {
        name += fmt::format("_{}_encrypted", job.token);
    }
    return settings.packages / (name + ".zip");
}

bool has_package(const fs::path& package)
{
    std::error_code ignored;
    return fs::is_regular_file(package, ignored)
           && fs::is_regular_file(zip::Output::md5_file(package), ignored);
}

zip::Totals make_package(const PackageOrder& order, const fs::path& target)
{
    make_directories(target.parent_path());
    zip::Output output{target};
    const auto totals = Packer{order, output}.go();
    static_cast<void>(output.commit());
    return totals;
}

} // namespace fiona::exports
