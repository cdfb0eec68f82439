// SPDX-License-Identifier: MIT
#include "libfiona/jobs/ror_folder.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/header.h"
#include "libfiona/jobs/file_tree.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr mode_t folder_mode = 0755; // as ror: the program in a container may be another user
constexpr mode_t image_mode = 0644;

struct DescribedTag {
    const char* key = nullptr;
    dicom::Tag tag;
};
constexpr std::array<DescribedTag, 11> described{{{"SeriesDescription", {0x0008, 0x103e}},
                                                  {"Modality", {0x0008, 0x0060}},
                                                  {"PatientID", {0x0010, 0x0020}},
                                                  {"PatientName", {0x0010, 0x0010}},
                                                  {"SequenceName", {0x0018, 0x0024}},
                                                  {"StudyDate", {0x0008, 0x0020}},
                                                  {"StudyTime", {0x0008, 0x0030}},
                                                  {"SeriesTime", {0x0008, 0x0031}},
                                                  {"SeriesNumber", {0x0020, 0x0011}},
                                                  {"ReferringPhysician", {0x0008, 0x0090}},
                                                  {"StudyDescription", {0x0008, 0x1030}}}};

void make_directory(const fs::path& path)
{
    if (::mkdir(path.c_str(), folder_mode) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a folder of a job");
    }
    if (::chmod(path.c_str(), folder_mode) != 0) { // whatever the umask says
        throw os_error(errno, "make a folder of a job");
    }
}

void copy_image(const fs::path& from, const fs::path& to)
{
    std::error_code problem;
    fs::copy_file(from, to, problem);
    if (problem) {
        throw os_error(problem.value(), "copy an image");
    }
    if (::chmod(to.c_str(), image_mode) != 0) {
        throw os_error(errno, "copy an image");
    }
}

/// One name of the view; what is empty becomes `_`.
std::string name_of(const std::string& text, const std::string& more)
{
    constexpr std::size_t longest = 60;
    const auto part = [](const std::string& value) {
        return value.empty() ? std::string{"_"} : percent_encoded(value, longest);
    };
    return part(text) + "_" + part(more);
}

json::Object description_of(const InputSeries& series, const dicom::Header& header)
{
    json::Array types;
    for (const auto& type : series.types) {
        types.emplace_back(type);
    }
    json::Object entry{{"NameFromSelect", series.name},
                       {"SeriesInstanceUID", series.series.str()},
                       {"StudyInstanceUID", series.study.str()},
                       {"NumFiles", series.files.size()},
                       {"ProcessDataPath", series.source.native()},
                       {"ClassifyTypes", std::move(types)}};
    for (const auto& [key, tag] : described) {
        entry.emplace(key, header.text(tag));
    }
    return entry;
}

} // namespace

std::string folder_name(const std::string& number, const std::string& image, const std::string& id)
{
    auto name = image;
    for (auto& c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                             || (c >= '0' && c <= '9') || c == '.' || c == '-' || byte >= 0x80;
        c = is_safe ? c : '_';
    }
    for (auto at = name.find(".."); at != std::string::npos; at = name.find("..")) {
        name.replace(at, 2, "_"); // as ror
    }
    constexpr std::size_t longest = 100;
    return fmt::format("datajob_{}_{}_{}", number, percent_encoded(name, longest), id);
}

fs::path output_of(const fs::path& folder)
{
    return folder.native() + "_output";
}

void make_ror_folder(const fs::path& folder, const std::vector<InputSeries>& input)
{
    if (input.empty()) {
        throw Error{Fault::data, "there is no series to work on"};
    }
    make_directories(folder.parent_path());
    const auto output = output_of(folder);
    store::remove_tree(folder);
    store::remove_tree(output);
    const auto images = folder / "input";
    const auto view = folder / "input_view_dicom_series";
    for (const auto& directory : {folder, images, view, output, output / "log"}) {
        make_directory(directory);
    }
    json::Array descriptions;
    std::size_t number = 0;
    for (const auto& series : input) {
        const auto header = dicom::Header::read(series.files.at(0));
        auto description = description_of(series, header);
        const auto text = [&](const char* key) { return description.at(key).text(); };
        auto place = view;
        for (const auto& name : {name_of(text("PatientID"), text("PatientName")),
                                 name_of(text("StudyDate"), text("StudyTime")),
                                 name_of(text("SeriesNumber"), text("SeriesDescription"))}) {
            place /= name;
            make_directory(place);
        }
        const auto modality = percent_encoded(text("Modality"), 16);
        for (const auto& file : series.files) {
            const auto name = fmt::format("{}_{:06}.dcm", modality, number++);
            copy_image(file, images / name);
            const auto target = fs::path{"../../../../input"} / name;
            if (::symlink(target.c_str(), (place / name).c_str()) != 0) {
                throw os_error(errno, "make a link of a job");
            }
        }
        description["InputViewDICOMSeriesPath"] =
            (fs::path{"/data"} / fs::relative(place, folder)).native();
        descriptions.emplace_back(std::move(description));
    }
    store::write_file(folder / "descr.json", json::write(descriptions, json::Style::pretty),
                      image_mode);
    if (::chmod((folder / "descr.json").c_str(), image_mode) != 0) {
        throw os_error(errno, "make a folder of a job");
    }
}

} // namespace fiona::jobs
