// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/sender.h"
#include "tests/support/pacs_server.h"
#include "tests/support/site.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

/// A value of a DICOM file, as it is there; "(absent)" if it has no such element.
inline std::string element_of(const std::filesystem::path& file, fiona::anonymize::Tag tag)
{
    const auto layout = fiona::anonymize::examine(file);
    const fiona::anonymize::SourceFile source{file, layout};
    const auto parsed = fiona::anonymize::read_data_set(source.header(), layout.encoding);
    const auto* const element = parsed.root.find(tag);
    return element == nullptr ? "(absent)" : std::string{fiona::trimmed(element->value())};
}

/// A de-identified study as a research PACS has it, synthetic.
struct ExportStudy {
    /// The `number`-th of them, each with its own UID.
    [[nodiscard]] static ExportStudy numbered(int number)
    {
        ExportStudy study;
        study.uid = fmt::format("1.2.826.0.1.3680043.9.7433.6.{}", number);
        return study;
    }

    std::string uid = "1.2.826.0.1.3680043.9.7433.6.1";
    std::string participant = "DEMO_0001";
    std::string accession = "ACC0001";
    int series = 2;
    int images = 3; ///< of each
    std::map<std::string, std::string> more{};

    [[nodiscard]] std::vector<std::filesystem::path>
    write_to(const std::filesystem::path& directory) const
    {
        std::vector<std::filesystem::path> files;
        for (int s = 1; s <= series; ++s) {
            for (int i = 1; i <= images; ++i) {
                SmallImage image;
                image.study = uid;
                image.series = fmt::format("{}.{}", uid, s);
                image.sop = fmt::format("{}.{}.{}", uid, s, i);
                image.more = {{"PatientName", participant},
                              {"PatientID", participant},
                              {"AccessionNumber", accession},
                              {"InstitutionName", "DEMO"},
                              {"StudyDate", "20240102"},
                              {"StudyTime", "101500.000"},
                              {"SpecificCharacterSet", "ISO_IR 192"},
                              {"SeriesDescription", "t1 blåbær/Ø"},
                              {"SeriesNumber", std::to_string(s)},
                              {"InstanceNumber", std::to_string(i)}};
                for (const auto& [keyword, value] : more) {
                    image.more[keyword] = value;
                }
                files.push_back(directory / fmt::format("{}-{}-{}.dcm", uid, s, i));
                write_image(image, files.back());
            }
        }
        return files;
    }
};

/// A site whose research PACS is the one of a test, and its list of packages to make.
class ExportSite : public Site {
public:
    explicit ExportSite(const fiona::pacs::Peer& pacs) { use(pacs); }

    void use(const fiona::pacs::Peer& pacs)
    {
        set("RESEARCH_PACS", fiona::json::Object{{"host", "127.0.0.1"},
                                                 {"port", pacs.port},
                                                 {"aet", pacs.called_aet},
                                                 {"timeout", 20}});
    }

    /// `study`: what can write its images to a directory.
    template <typename Study>
    static void fill(const fiona::pacs::Peer& pacs, const Study& study)
    {
        const TempDir directory;
        for (const auto& result : fiona::pacs::send_files(pacs, study.write_to(directory.path))) {
            INFO(result.reason);
            REQUIRE(result.outcome == fiona::pacs::SendOutcome::stored);
        }
    }

    [[nodiscard]] Outcome create(const std::vector<std::string>& arguments) const
    {
        return run("fiona-create-zip", arguments);
    }

    [[nodiscard]] std::filesystem::path list() const
    {
        return config().paths.applications / "Exports/php/prepared_downloads_list.jobs";
    }
    [[nodiscard]] std::filesystem::path failed_list() const
    {
        return list().parent_path() / "failed_downloads_list.jobs";
    }
    [[nodiscard]] std::filesystem::path packages() const
    {
        return config().paths.export_root / "Export/files";
    }

    /// As the Export page writes it.
    static std::string line(const ExportStudy& study, const std::string& type,
                            const fiona::json::Object& more = {})
    {
        fiona::json::Object job{{"project", "DEMO"},
                                {"patientid", study.participant},
                                {"studyinstanceuid", study.uid},
                                {"accessionnumber", study.accession},
                                {"event", "baseline"},
                                {"exportType", type},
                                {"destination", ""},
                                {"downloadAttempts", 0},
                                {"user", "alice"},
                                {"password", ""},
                                {"email", ""},
                                {"sender_email", ""}};
        for (const auto& [key, value] : more) {
            job[key] = value;
        }
        return fiona::json::write(job) + "\n";
    }
    void put_lines(const std::string& text) const
    {
        std::filesystem::create_directories(list().parent_path());
        std::ofstream{list(), std::ios::app} << text;
    }
    [[nodiscard]] std::string lines() const { return fiona::read_file_if_any(list()).value_or(""); }
    /// Of the first line, as fiona-create-zip names it.
    [[nodiscard]] std::string first_id() const
    {
        const auto status = create({"--json", "status"});
        return fiona::json::parse(status.out, "status").find("jobs")->array().at(0).text("id");
    }
    [[nodiscard]] std::vector<fiona::json::Value> failed_lines() const
    {
        std::vector<fiona::json::Value> lines;
        const auto text = fiona::read_file_if_any(failed_list()).value_or("");
        for (const auto part : fiona::split(text, '\n')) {
            if (!part.empty()) {
                lines.push_back(fiona::json::parse(part, "failed"));
            }
        }
        return lines;
    }

    /// Names in the folder of the packages that end with `suffix`, sorted.
    [[nodiscard]] std::vector<std::string> names(const std::string& suffix) const
    {
        std::vector<std::string> found;
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator{packages(), none}) {
            const auto name = entry.path().filename().native();
            if (name.ends_with(suffix)) {
                found.push_back(name);
            }
        }
        std::ranges::sort(found);
        return found;
    }

    /// What is in the only package; unzip says that it is whole.
    [[nodiscard]] std::vector<std::string> entries() const
    {
        const auto zips = names(".zip");
        REQUIRE(zips.size() == 1);
        const auto package = (packages() / zips.front()).native();
        const auto tested = fiona::run({.arguments = {"unzip", "-tqq", package}});
        INFO(tested.out << tested.err);
        REQUIRE(tested.exit_code == 0);
        const auto listed =
            fiona::run({.arguments = {"python3", "-c",
                                      "import sys, zipfile\n"
                                      "for name in zipfile.ZipFile(sys.argv[1]).namelist():\n"
                                      "    sys.stdout.buffer.write((name + '\\n').encode())",
                                      package}});
        REQUIRE(listed.exit_code == 0);
        std::vector<std::string> found;
        for (const auto part : fiona::split(listed.out, '\n')) {
            if (!part.empty()) {
                found.emplace_back(part);
            }
        }
        std::ranges::sort(found);
        return found;
    }
    void unpack(const std::filesystem::path& target) const
    {
        const auto package = packages() / names(".zip").front();
        const auto done =
            fiona::run({.arguments = {"unzip", "-qq", "-d", target.native(), package.native()}});
        INFO(done.out << done.err);
        REQUIRE(done.exit_code == 0);
    }
};

/// A research PACS that holds some studies, and a site beside it.
struct ExportBench {
    PacsServer pacs{};
    ExportSite site{pacs.peer()};

    explicit ExportBench(const std::vector<ExportStudy>& studies)
    {
        for (const auto& study : studies) {
            ExportSite::fill(pacs.peer(), study);
        }
    }
};
