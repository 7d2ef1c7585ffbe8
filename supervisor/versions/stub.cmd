@echo off
rem Starts the version of CryptoBot that the file `current` names; see stub.sh, which does the same elsewhere.
setlocal EnableDelayedExpansion
set "root=%~dp0"
if "%root:~-1%"=="\" set "root=%root:~0,-1%"
set "version="
if exist "%root%\current" set /p version=<"%root%\current"
set "starts=no"
set "words= %* "
if not "!words: service run supervisor =!"=="!words!" set "starts=yes"
if not "!words: up =!"=="!words!" set "starts=yes"
if not "!words: demo =!"=="!words!" set "starts=yes"
if not "%starts%"=="yes" goto run
if not exist "%root%\update" goto run
set "to=" & set "previous=" & set "phase="
for /f "usebackq tokens=1,*" %%k in ("%root%\update") do (
  if "%%k"=="to" set "to=%%l"
  if "%%k"=="previous" set "previous=%%l"
  if "%%k"=="phase" set "phase=%%l"
)
if not "%version%"=="%to%" goto run
if not exist "%root%\versions\%previous%\cryptobot.exe" goto run
<nul set /p "=x" >>"%root%\boots"
set "boots=0"
for %%f in ("%root%\boots") do set "boots=%%~zf"
if "%phase%"=="back" goto back
if %boots% GTR 3 goto back
goto run
:back
echo CryptoBot %version% did not start well; %previous% is used again. 1>&2
>"%root%\current.back" echo %previous%
move /y "%root%\current.back" "%root%\current" >nul
set "version=%previous%"
:run
if not exist "%root%\versions\%version%\cryptobot.exe" (
  echo CryptoBot: %root%\current names no version that is in %root%\versions. 1>&2
  exit /b 1
)
endlocal & set "CRYPTOBOT_PROGRAM_FOLDER=%root%" & set "cryptobot_version=%version%"
"%CRYPTOBOT_PROGRAM_FOLDER%\versions\%cryptobot_version%\cryptobot.exe" %*
exit /b %errorlevel%
