// SPDX-License-Identifier: MIT
//
// dcmtk-edit-bound DIR OUTPUT THREADS
// Loads every file below DIR with DCMTK, blanks some identifying elements, drops private ones and
// saves it: what a de-identifier on DCMTK's data sets reaches if it proves nothing. Not a
// de-identifier; only for measuring beside one.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;

void blank(DcmItem& item)
{
    static const std::array blanked{DCM_AccessionNumber,
                                    DCM_InstitutionName,
                                    DCM_InstitutionAddress,
                                    DCM_ReferringPhysicianName,
                                    DCM_StationName,
                                    DCM_PhysiciansOfRecord,
                                    DCM_PerformingPhysicianName,
                                    DCM_OperatorsName,
                                    DCM_PatientName,
                                    DCM_PatientID,
                                    DCM_PatientBirthDate,
                                    DCM_PatientAddress,
                                    DCM_PatientComments,
                                    DCM_DeviceSerialNumber,
                                    DCM_ProtocolName,
                                    DCM_RequestingPhysician,
                                    DCM_AdmissionID,
                                    DCM_CurrentPatientLocation,
                                    DCM_StudyDescription,
                                    DCM_PerformedProcedureStepID};
    for (const auto& tag : blanked) {
        if (item.tagExists(tag)) {
            item.putAndInsertString(tag, "");
        }
    }
    for (auto i = item.card(); i-- > 0;) {
        auto* const element = item.getElement(i);
        if (element->getTag().isPrivate()) {
            const std::unique_ptr<DcmElement> removed{item.remove(i)};
        } else if (auto* const sequence = dynamic_cast<DcmSequenceOfItems*>(element)) {
            for (unsigned long k = 0; k < sequence->card(); ++k) {
                blank(*sequence->getItem(k));
            }
        }
    }
}

bool edit(const fs::path& from, const fs::path& to)
{
    DcmFileFormat format;
    if (const auto read = format.loadFile(from.c_str()); read.bad()) {
        fmt::print(stderr, "{}: {}\n", from.native(), read.text());
        return false;
    }
    auto& data_set = *format.getDataset();
    blank(data_set);
    const auto written = format.saveFile(to.c_str(), data_set.getOriginalXfer());
    if (written.bad()) {
        fmt::print(stderr, "{}: {}\n", to.native(), written.text());
    }
    return written.good();
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (arguments.size() != 3) {
        fmt::print(stderr, "usage: dcmtk-edit-bound DIR OUTPUT THREADS\n");
        return 64;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{arguments[0]}) {
        if (entry.is_regular_file() && entry.path().extension() != ".json") {
            files.push_back(entry.path());
        }
    }
    fs::create_directories(arguments[1]);
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> done{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < std::stoi(arguments[2]); ++i) {
            threads.emplace_back([&] {
                for (auto at = next++; at < files.size(); at = next++) {
                    done += edit(files[at], arguments[1] / files[at].filename()) ? 1U : 0U;
                }
            });
        }
    }
    fmt::print("{} files\n", done.load());
    return done == files.size() ? 0 : 65;
}
