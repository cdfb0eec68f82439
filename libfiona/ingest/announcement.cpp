// SPDX-License-Identifier: MIT
#include "libfiona/ingest/announcement.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

using dicom::Tag;

constexpr std::size_t longest_name = 255; // of a host (RFC 1035); AE titles have 16

constexpr Tag sop_class_tag{0x0008, 0x0016};
constexpr Tag sop_instance_tag{0x0008, 0x0018};
constexpr Tag study_tag{0x0020, 0x000d};
constexpr Tag series_tag{0x0020, 0x000e};

struct stat status_of(const fs::path& file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        throw os_error(errno, "look at an archived file");
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error{Fault::data, "what was announced is no regular file"};
    }
    return status;
}

/// The address without the scheme and port that a UR may have.
std::string bare_address(std::string text)
{
    if (const auto scheme = text.find("://"); scheme != std::string::npos) {
        text.erase(0, scheme + 3);
    }
    return text;
}

std::string first_of(const std::string& text, const std::string& fallback)
{
    return text.empty() ? fallback : text;
}

/// As the original: quotes, blanks and backslashes go; so do NULs and other control characters.
std::string cleaned(std::string_view text)
{
    std::string result;
    std::ranges::copy_if(text, std::back_inserter(result), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte != 0x7f && c != '"' && c != '\\';
    });
    result.resize(std::min(result.size(), longest_name));
    return result;
}

} // namespace

store::SpoolEntry announce(const fs::path& file, const Sender& sender)
{
    if (!file.is_absolute()) {
        throw Error{Fault::data, "the path of an announced file must be absolute"};
    }
    const auto status = status_of(file);
    const auto header = dicom::Header::read(file);
    // PS3.10 Table 7.1-1: who sent it to us, else who wrote it
    const auto sending = header.meta_text({0x0002, 0x0017});
    const auto caller = first_of(sending, header.meta_text({0x0002, 0x0016}));
    const auto address = bare_address(header.meta_text({0x0002, 0x0027}));
    return {TimePoint{std::chrono::duration_cast<Clock::duration>(
                std::chrono::seconds{status.st_mtim.tv_sec}
                + std::chrono::nanoseconds{status.st_mtim.tv_nsec})},
            first_of(sender.caller, first_of(caller, "unknown")),
            first_of(sender.called, first_of(header.meta_text({0x0002, 0x0018}), "unknown")),
            first_of(sender.host, first_of(address, "unknown")),
            first_of(address, sender.host),
            file.parent_path(),
            file.filename().native(),
            StudyUid{header.text(study_tag)},
            SeriesUid{header.text(series_tag)},
            SopInstanceUid{header.text(sop_instance_tag)},
            header.text(sop_class_tag),
            header.meta_text({0x0002, 0x0010}),
            static_cast<std::uint64_t>(status.st_size),
            ""};
}

std::set<fs::path> announced_files(const fs::path& directory)
{
    std::set<fs::path> files;
    std::error_code problem;
    for (const auto& item : fs::directory_iterator{directory, problem}) {
        try {
            const auto text = read_file_if_any(item.path());
            const auto entry = json::parse(text.value_or("{}"), "spool entry");
            files.insert(fs::path{entry.text("dir")} / entry.text("file"));
        } catch (
            const Error&) { // NOLINT(bugprone-empty-catch) an .err file or damaged: names no file
        }
    }
    if (problem && problem != std::errc::no_such_file_or_directory) {
        throw os_error(problem.value(), fmt::format("read {}", directory.native()));
    }
    return files;
}

fs::path archived_path(const Paths& paths, const fs::path& file)
{
    std::error_code problem;
    const auto real = fs::canonical(file, problem);
    if (problem == std::errc::no_such_file_or_directory) {
        throw Error{Fault::missing, "there is no such file"};
    }
    const auto archive = fs::canonical(paths.archive(), problem);
    const auto relative = problem ? fs::path{} : real.lexically_relative(archive);
    if (relative.empty() || *relative.begin() == ".." || *relative.begin() == ".") {
        throw Error{Fault::data, "the file is not in the archive {}", paths.archive().native()};
    }
    return paths.archive() / relative;
}

Announced parse_announcement(std::string_view line)
{
    constexpr std::size_t fields_of_a_message = 5;
    const auto bare = trimmed(line);
    const auto fields = split(bare, ',');
    Announced announced;
    if (fields.size() == fields_of_a_message) {
        announced.file = fs::path{fields[3]} / fields[4];
        announced.sender = {first_of(cleaned(fields[0]), "unknown"),
                            first_of(cleaned(fields[1]), "unknown"),
                            first_of(cleaned(fields[2]), "0.0.0.0")};
    } else if (fields.size() == 1) {
        announced.file = bare;
        announced.sender = {"unknown", "unknown", "unknown"};
    }
    // A NUL would end the path that the system sees, and not ours.
    if (!announced.file.is_absolute() || announced.file.native().find('\0') != std::string::npos) {
        throw Error{Fault::data,
                    "not a message: expected `caller,called,address,directory,file` or an "
                    "absolute path"};
    }
    return announced;
}

store::SpoolEntry announce_line(const Paths& paths, std::string_view line)
{
    const auto announced = parse_announcement(line);
    return announce(archived_path(paths, announced.file), announced.sender);
}

dicom::Header read_announced(const store::SpoolEntry& entry)
{
    if (!entry.directory.is_absolute() || entry.file.find('/') != std::string::npos) {
        throw Error{Fault::data, "the entry names no file of an absolute directory"};
    }
    const auto file = entry.directory / entry.file;
    static_cast<void>(status_of(file));
    auto header = dicom::Header::read(file);
    if (header.text(study_tag) != entry.study.str() || header.text(series_tag) != entry.series.str()
        || header.text(sop_instance_tag) != entry.sop.str()) {
        throw Error{Fault::data, "the UIDs of the file are not those of its announcement"};
    }
    return header;
}

} // namespace fiona::ingest
