// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/source_file.h"
#include "libfiona/export/export_type.h"
#include "libfiona/export/zip_writer.h"

#include <filesystem>
#include <map>
#include <string>

namespace fiona::exports {

/// What REDCap knows of a participant; "" for what it does not.
struct Participant {
    std::string birth_date{}; ///< YYYYMMDD
    std::string age{};        ///< DICOM AS: `045Y`
    std::string sex{};        ///< `F`, `M`
};

/// What is the same for all images of a package.
struct PackageFacts {
    std::string project;
    std::string participant_id;
    std::string event{}; ///< as the project writes it
    std::string folder{};
    std::string study_date{}; ///< that of the study, YYYYMMDD; "": each image its own
    Participant participant{};
};

/// Values of one image by the field names of layouts, UTF-8, after all changes.
using Fields = std::map<std::string, std::string, std::less<>>;

/// One image of the work folder as it will be in the package. Reading it twice gives the same twice.
class Image {
public:
    /// Reads the header and changes it in memory; pixel data stays where it is. Throws
    /// Error{Fault::data} if the file is no DICOM, or if a value to be set cannot be.
    Image(const std::filesystem::path& file, const ExportType& type, const PackageFacts& facts);
    /// Of a file that was read before: `layout` spares it another walk.
    Image(const std::filesystem::path& file, anonymize::Layout layout, const ExportType& type,
          const PackageFacts& facts);

    [[nodiscard]] const Fields& fields() const { return m_fields; }
    [[nodiscard]] const std::string& sop_class() const { return m_sop_class; }
    [[nodiscard]] const std::string& series() const { return m_series; }
    [[nodiscard]] const anonymize::Layout& layout() const { return m_layout; }
    /// Called once, last.
    [[nodiscard]] zip::Content content(std::string name) &&;

private:
    std::filesystem::path m_file;
    anonymize::Layout m_layout;
    std::string m_head;
    anonymize::SourceFile::Stretch m_pixels;
    bool m_is_compressed = false;
    std::string m_sop_class;
    std::string m_series;
    Fields m_fields;
};

/// Writes the image as a file, for programs that read files.
void write_image(const std::filesystem::path& source, const std::filesystem::path& target,
                 const ExportType& type, const PackageFacts& facts);

/// `YYYYMMDD` moved by whole days; "" if it is no date.
[[nodiscard]] std::string shifted(std::string_view date, int days);

} // namespace fiona::exports
